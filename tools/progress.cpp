#include "tools/progress.h"

#include <algorithm>
#include <cstdio>

#include "tools/program.h"

namespace miniray {
namespace {

constexpr auto kLineInterval = std::chrono::seconds(30);

template <class... Values>
std::string format(const char* pattern, Values... values) {
  char text[256];
  std::snprintf(text, sizeof text, pattern, values...);
  return text;
}

std::string duration(double seconds) {
  const auto whole = static_cast<long long>(seconds + 0.5);
  if (whole >= 3600) return format("%lld:%02lld:%02lld", whole / 3600, whole / 60 % 60, whole % 60);
  return format("%lld:%02lld", whole / 60, whole % 60);
}

}  // namespace

TrainProgress::TrainProgress(std::ostream& out, int terminal_width)
    : out_(out), status_(out, terminal_width) {}

void TrainProgress::on_decode(std::int64_t done, std::int64_t total) {
  if (done == 0) start_ = Clock::now();
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const double a_second = static_cast<double>(done) / std::max(seconds, 1e-3);
  if (done == total) {
    status_.erase();
    out_ << format("decoded %lld pictures in %s, %.0f a second", static_cast<long long>(total),
                   duration(seconds).c_str(), a_second)
         << std::endl;
  } else if (is_due()) {
    const double left = static_cast<double>(total - done) / a_second;
    show(static_cast<double>(done) / static_cast<double>(total),
         done == 0 ? format("decoding %lld pictures", static_cast<long long>(total))
                   : format("decoding picture %lld/%lld  %.0f a second  left ",
                            static_cast<long long>(done), static_cast<long long>(total), a_second) +
                         duration(left));
  }
}

void TrainProgress::on_start(const RunInfo& info) {
  const std::string workers =
      info.workers == 1
          ? ""
          : "a world of " + std::to_string(info.workers) + " workers" +
                (info.processes == 1 ? ""
                                     : " in " + std::to_string(info.processes) + " processes") +
                ", each ";
  out_ << format("training on %lld pictures of %s, %s%d %s; G %.2f M and D %.2f M parameters\n",
                 static_cast<long long>(info.images), info.dataset.c_str(), workers.c_str(),
                 info.threads, info.threads == 1 ? "thread" : "threads",
                 static_cast<double>(info.generator_parameters) * 1e-6,
                 static_cast<double>(info.discriminator_parameters) * 1e-6)
       << "records and samples in " << info.folder.string() << std::endl;
  start_ = last_line_ = Clock::now();
}

void TrainProgress::on_step(const StepReport& report) {
  ++steps_done_;
  images_done_ += report.images;
  if (!is_due()) return;
  show(static_cast<double>(report.step) / static_cast<double>(report.steps_in_epoch),
       describe(report));
}

bool TrainProgress::is_due() const {
  return status_.terminal() ? status_.is_due() : Clock::now() - last_line_ >= kLineInterval;
}

void TrainProgress::show(double fraction, const std::string& text) {
  if (status_.terminal()) return status_.show(fraction, text);
  last_line_ = Clock::now();
  out_ << text << std::endl;
}

std::string TrainProgress::describe(const StepReport& report) const {
  const double seconds = std::chrono::duration<double>(Clock::now() - start_).count();
  const std::int64_t steps_left =
      (report.epochs - report.epoch) * report.steps_in_epoch + report.steps_in_epoch - report.step;
  const double left = seconds / static_cast<double>(steps_done_) * static_cast<double>(steps_left);
  return format("epoch %lld/%lld  step %lld/%lld  %.0f images/s  D %.3f  G %.3f  left ",
                static_cast<long long>(report.epoch), static_cast<long long>(report.epochs),
                static_cast<long long>(report.step), static_cast<long long>(report.steps_in_epoch),
                static_cast<double>(images_done_) / seconds, report.result.d_loss,
                report.result.g_loss) +
         duration(left);
}

void TrainProgress::on_epoch(const EpochReport& report, const Network<float>&) {
  status_.erase();
  out_ << format(
              "epoch %lld/%lld  %s  %.0f images/s  D loss %.4f  G loss %.4f  D(real) %.3f  "
              "D(fake) %.3f",
              static_cast<long long>(report.epoch), static_cast<long long>(report.epochs),
              duration(report.seconds).c_str(), report.images_per_second(), report.mean.d_loss,
              report.mean.g_loss, report.mean.d_real, report.mean.d_fake)
       << std::endl;
  last_line_ = Clock::now();
}

void TrainProgress::on_warning(const std::string& message) {
  status_.erase();
  out_ << "warning: " << message << std::endl;
}

void TrainProgress::on_hang(const std::string& reason) {
  status_.erase();
  fail_at_once("gan_train", reason);
}

void TrainProgress::on_checkpoint(const CheckpointReport& report) {
  if (report.kind != CheckpointReport::Kind::kResumed) return;
  out_ << format("resumed in epoch %lld at step %lld from ", static_cast<long long>(report.epoch),
                 static_cast<long long>(report.step))
       << report.path.string() << std::endl;
}

void TrainProgress::on_evaluation(const EvaluationReport& report) {
  status_.erase();
  out_ << format("epoch %lld:", static_cast<long long>(report.epoch));
  for (const MetricValue& metric : report.metrics) {
    out_ << ' ' << metric.name << format(" %.4g", metric.value);
  }
  out_ << (report.best ? ", the best so far" : "") << std::endl;
}

void TrainProgress::on_saved(const std::filesystem::path& save_dir, bool stopped) {
  status_.erase();
  if (stopped) out_ << "stopped before the end, as asked\n";
  out_ << "models in " << save_dir.string() << std::endl;
}

}  // namespace miniray
