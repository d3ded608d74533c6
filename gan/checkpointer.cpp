#include "gan/checkpointer.h"

#include <algorithm>
#include <sstream>
#include <utility>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/state_average.h"
#include "gan/state_file.h"

namespace miniray {
namespace {

// How a rank's outcome travels: one letter, then the text.
std::string encode(bool done, const std::string& text) { return (done ? '+' : '-') + text; }
bool is_done(const std::string& record) { return record.starts_with('+'); }
std::string text_of(const std::string& record) { return record.substr(1); }

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

// The message of the first rank that failed; empty where none did.
std::string first_failure(const std::vector<std::string>& records) {
  const auto failed = std::ranges::find_if_not(records, is_done);
  return failed == records.end() ? "" : text_of(*failed);
}

// A warning where a checkpoint is of another number of workers.
std::string of_others(const Manifest& manifest, int workers) {
  if (manifest.world_size() == workers) return {};
  return "the checkpoint is of " + std::to_string(manifest.world_size()) +
         (manifest.world_size() == 1 ? " worker, now there are " : " workers, now there are ") +
         std::to_string(workers) +
         ": each begins with the average; the bits will differ from those of a run that went on";
}

}  // namespace

Checkpointer::Checkpointer(const CheckpointOptions& options, Communicator& communicator,
                           StateFields state, const std::int64_t& epoch, const std::int64_t& step)
    : options_(options),
      communicator_(communicator),
      state_(std::move(state)),
      epoch_(epoch),
      step_(step),
      folder_(options.folder) {
  if (options.every_epochs < 0)
    throw invalid_argument("the epochs between checkpoints are below 0");
  if (options.keep < 1) throw invalid_argument("at least 1 checkpoint must be kept");
  if (options.folder.empty() && (options.saves() || options.resume)) {
    throw invalid_argument("checkpoints need a folder, or a collector whose run has one");
  }
}

bool Checkpointer::due() const {
  return options_.every && step_ != last_step_ && Clock::now() - last_ >= *options_.every;
}

bool Checkpointer::due_at_end(bool last) const {
  if (!options_.saves() || step_ == last_step_) return false;
  return last || (options_.every_epochs > 0 && epoch_ % options_.every_epochs == 0);
}

std::string Checkpointer::last_good() const {
  return has_one() ? "; the last good checkpoint is '" + last_path_.string() + "'" : "";
}

void Checkpointer::save() {
  const auto start = Clock::now();
  const bool first = communicator_.rank() == 0;
  const std::string name =
      communicator_.gather(first ? folder_.next_name() : std::string()).front();
  const Written part = write_part(name);
  const auto parts = communicator_.gather(encode(part.done, part.text));
  std::string message = first_failure(parts);
  if (message.empty()) {
    Written whole{};
    if (first) whole = complete(name, parts);
    const std::string record = communicator_.gather(encode(whole.done, whole.text)).front();
    if (is_done(record)) folder_.remove_all_but(lines_of(text_of(record)));
    if (!is_done(record)) message = text_of(record);
  }
  if (message.empty()) {
    last_path_ = folder_.path() / name;
  } else {
    folder_.remove(name);
  }
  last_ = Clock::now();
  last_step_ = step_;
  tell(
      {.kind = message.empty() ? CheckpointReport::Kind::kSaved : CheckpointReport::Kind::kNotSaved,
       .epoch = epoch_,
       .step = step_,
       .path = folder_.path() / name,
       .seconds = std::chrono::duration<double>(last_ - start).count(),
       .message = message});
}

Checkpointer::Written Checkpointer::write_part(const std::string& name) const {
  try {
    folder_.make(name);
    return {true, write_state(folder_.rank_file(name, communicator_.rank()), state_)};
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

Checkpointer::Written Checkpointer::complete(const std::string& name,
                                             const std::vector<std::string>& parts) const {
  Manifest manifest{.epoch = epoch_, .step = step_, .data = options_.data, .digests = {}};
  std::ranges::transform(parts, std::back_inserter(manifest.digests), text_of);
  try {
    folder_.write_manifest(name, manifest);
    std::string kept;
    for (const std::string& each : folder_.kept(options_.keep)) kept += each + '\n';
    return {true, kept};
  } catch (const Error& error) {
    return {false, error.what()};
  }
}

bool Checkpointer::restore() {
  const auto start = Clock::now();
  const bool first = communicator_.rank() == 0;
  const auto names = first ? folder_.names() : std::vector<std::string>();
  for (std::size_t i = 0;; ++i) {
    const bool more = i < names.size();
    const std::string name = communicator_.gather(more ? names[i] : std::string()).front();
    if (name.empty() && i == 0) return false;
    if (name.empty()) break;
    const std::string text =
        communicator_.gather(first ? folder_.manifest(name).text() : std::string()).front();
    const Manifest manifest = Manifest::parse(text, folder_.path() / name / "manifest");
    if (!take(name, manifest)) continue;
    last_ = Clock::now();
    last_step_ = step_;
    last_path_ = folder_.path() / name;
    tell({.kind = CheckpointReport::Kind::kResumed,
          .epoch = manifest.epoch,
          .step = manifest.step,
          .path = folder_.path() / name,
          .seconds = std::chrono::duration<double>(last_ - start).count(),
          .message = of_others(manifest, communicator_.world_size())});
    return true;
  }
  throw not_found("no checkpoint is whole any more in '" + folder_.path().string() + "'");
}

bool Checkpointer::take(const std::string& name, const Manifest& manifest) {
  if (manifest.data != options_.data) {
    throw invalid_argument("the data set is not the one that the run was trained with: " +
                           options_.data + " instead of " + manifest.data);
  }
  const bool own = manifest.world_size() == communicator_.world_size();
  const std::string failure = own ? take_own_part(name, manifest)
                                  : take_average(communicator_, folder_, name, manifest, state_);
  if (failure.empty()) return true;
  tell({.kind = CheckpointReport::Kind::kDamaged,
        .epoch = manifest.epoch,
        .step = manifest.step,
        .path = folder_.path() / name,
        .message = failure});
  return false;
}

std::string Checkpointer::take_own_part(const std::string& name, const Manifest& manifest) {
  const int rank = communicator_.rank();
  std::optional<StateFile> file;
  std::string message;
  try {
    file.emplace(folder_.rank_file(name, rank), manifest.digests[static_cast<std::size_t>(rank)]);
    file->check(state_);
  } catch (const Error& error) {
    file.reset();
    message = error.what();
  }
  const std::string failure =
      first_failure(communicator_.gather(encode(file.has_value(), message)));
  if (failure.empty()) file->copy_to(state_);
  return failure;
}

void Checkpointer::tell(CheckpointReport report) const {
  if (communicator_.rank() == 0 && options_.told) options_.told(report);
}

}  // namespace miniray
