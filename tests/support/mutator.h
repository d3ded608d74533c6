// Random changes to good input, the same in every run.
#pragma once

#include <random>
#include <string>

namespace miniray::testing {

class Mutator {
 public:
  // A copy with a few bytes changed, removed, repeated or cut off.
  std::string mutate(std::string bytes) {
    const int changes = 1 + below(4);
    for (int i = 0; i < changes && !bytes.empty(); ++i) {
      const auto at = static_cast<std::size_t>(below(static_cast<int>(bytes.size())));
      switch (below(5)) {
        case 0:
          bytes[at] = static_cast<char>(below(256));
          break;
        case 1:
          bytes[at] = kInteresting[static_cast<std::size_t>(below(sizeof kInteresting - 1))];
          break;
        case 2:
          bytes.erase(at, static_cast<std::size_t>(1 + below(8)));
          break;
        case 3:
          bytes.insert(at, bytes.substr(at, static_cast<std::size_t>(below(40))));
          break;
        case 4:
          bytes.resize(at);
          break;
      }
    }
    return bytes;
  }

 private:
  static constexpr char kInteresting[] = "0123456789-,:[]{}()\"'.eE \\\xFF\x7F";
  int below(int bound) { return static_cast<int>(engine_() % static_cast<unsigned>(bound)); }
  std::mt19937 engine_{1};
};

}  // namespace miniray::testing
