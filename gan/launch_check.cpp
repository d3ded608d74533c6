#include "gan/launch_check.h"

#include <algorithm>
#include <sstream>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {

std::string fingerprint(const Dataset& dataset) {
  std::vector<std::uint8_t> bytes;
  std::vector<std::uint8_t> picture(static_cast<std::size_t>(dataset.sample_shape().elements()));
  const std::int64_t count = std::min<std::int64_t>(100, dataset.size());
  for (std::int64_t i = 0; i < count; ++i) {
    const std::int64_t index = i * dataset.size() / count;
    dataset.copy_sample(index, picture);
    bytes.insert(bytes.end(), picture.begin(), picture.end());
    const int label = dataset.label(index);
    for (int shift = 0; shift < 32; shift += 8) {
      bytes.push_back(static_cast<std::uint8_t>(label >> shift));
    }
  }
  for (const std::string& name : dataset.class_names()) {
    bytes.insert(bytes.end(), name.begin(), name.end());
    bytes.push_back(0);
  }
  return std::to_string(dataset.size()) + " pictures " +
         sha256_hex(std::as_bytes(std::span(bytes))).substr(0, 16);
}

namespace {

// One "name value" a line: everything that the result depends on.
std::string describe(const TrainConfig& c, const Dataset& dataset) {
  std::ostringstream text;
  text.precision(17);
  const auto line = [&](const char* name, const auto& value) {
    text << name << ' ' << value << '\n';
  };
  line("version", MINIRAY_VERSION);
  line("--mode", c.mode);
  line("--resume", c.resume);
  line("--epochs", c.epochs);
  line("--batch-size", c.batch_size);
  line("--workers", c.workers);
  line("--sync", c.sync);
  line("--sync-interval", c.sync_interval);
  line("--sync-moments", c.sync_moments);
  line("--sync-payload", c.sync_payload);
  line("--outer", c.outer);
  line("--sharding", c.sharding);
  line("--model", c.model);
  line("--conditional", c.conditional);
  line("--width", c.width);
  line("--precision", c.precision);
  line("--d-norm", c.d_norm);
  line("--minibatch-stddev", c.minibatch_stddev);
  line("--latent-dim", c.latent_dim);
  line("--lr", c.lr);
  line("--d-lr", c.d_lr);
  line("--lr-decay", c.lr_decay);
  line("--warmup-steps", c.warmup_steps);
  line("--loss", c.loss);
  line("--label-smoothing", c.label_smoothing);
  line("--gp-weight", c.gp_weight);
  line("--r1", c.r1);
  line("--r1-every", c.r1_every);
  line("--clip-norm", c.clip_norm);
  line("--ema", c.ema);
  line("--accumulate", c.accumulate);
  line("--d-steps", c.d_steps);
  line("--no-divergence-guard", c.no_divergence_guard);
  line("--max-failures", c.max_failures);
  line("--seed", c.seed);
  line("--flip", c.flip);
  line("--augment", c.augment);
  line("--data", c.data);
  line("--image-size", c.image_size);
  line("data of", fingerprint(dataset));
  return text.str();
}

std::vector<std::string> lines_of(const std::string& text) {
  std::istringstream stream(text);
  std::vector<std::string> lines;
  for (std::string line; std::getline(stream, line);) lines.push_back(line);
  return lines;
}

}  // namespace

void check_alike(Communicator& processes, const TrainConfig& config, const Dataset& dataset) {
  const auto descriptions = processes.gather(describe(config, dataset));
  const auto first = lines_of(descriptions.front());
  for (std::size_t rank = 1; rank < descriptions.size(); ++rank) {
    const auto lines = lines_of(descriptions[rank]);
    const auto [mine, theirs] = std::ranges::mismatch(first, lines);
    if (mine == first.end() && theirs == lines.end()) continue;
    throw invalid_argument("process " + std::to_string(rank) + " was started with " +
                           (theirs == lines.end() ? "less" : *theirs) + ", process 0 with " +
                           (mine == first.end() ? "less" : *mine) + "; all must be alike");
  }
}

}  // namespace miniray
