// Named sets of gan_train's flags: --preset NAME stands for them, and flags given besides win.
#pragma once

#include <string>
#include <vector>

namespace miniray {

struct Preset {
  std::string name, what;
  std::vector<std::string> flags;  // as on a command line
};

const std::vector<Preset>& presets();

// What the flags of the preset are in the help: "--model dcgan --batch-size 64 ...".
std::string text_of(const Preset& preset);

// Arguments (the program's name first) with the flags of the preset that they name before all
// others. Unchanged where they name none, or one that is not ours.
std::vector<std::string> with_preset(std::vector<std::string> arguments);

}  // namespace miniray
