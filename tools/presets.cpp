#include "tools/presets.h"

#include <algorithm>

namespace miniray {
namespace {

using Flags = std::vector<std::string>;

// The value of --preset, behind it or behind a '='; empty where there is none.
std::string named_in(const std::vector<std::string>& arguments) {
  const std::string flag = "--preset", with_value = flag + "=";
  for (std::size_t i = 1; i < arguments.size(); ++i) {
    if (arguments[i].starts_with(with_value)) return arguments[i].substr(with_value.size());
    if (arguments[i] == flag && i + 1 < arguments.size()) return arguments[i + 1];
  }
  return {};
}

Flags residual_networks(const std::string& width, const std::string& epochs,
                        const Flags& others = {}) {
  Flags flags = {"--data", "cifar10",       "--model",    "sngan",    "--width",
                 width,    "--conditional", "--loss",     "hinge",    "--d-lr",
                 "0.0004", "--batch-size",  "64",         "--epochs", epochs,
                 "--ema",  "0.999",         "--lr-decay", "linear",   "--flip",
                 "--sync", "gradients"};
  flags.insert(flags.end(), others.begin(), others.end());
  return flags;
}

}  // namespace

const std::vector<Preset>& presets() {
  static const std::vector<Preset> all = {
      {"reference", "the reference's GAN, as without a preset", {}},
      {"cifar10-fast", "pictures of ten kinds in 20 minutes on two cores",
       residual_networks("0.25", "11", {"--minibatch-stddev"})},
      {"cifar10-best", "networks twice as wide, two hours on two cores",
       residual_networks("0.5", "20")},
  };
  return all;
}

std::string text_of(const Preset& preset) {
  std::string text;
  for (const std::string& flag : preset.flags) text += (text.empty() ? "" : " ") + flag;
  return text;
}

std::vector<std::string> with_preset(std::vector<std::string> arguments) {
  const auto preset = std::ranges::find(presets(), named_in(arguments), &Preset::name);
  if (preset == presets().end()) return arguments;
  arguments.insert(arguments.begin() + 1, preset->flags.begin(), preset->flags.end());
  return arguments;
}

}  // namespace miniray
