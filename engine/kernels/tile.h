// Rectangles of a matrix, and what is done with each as soon as it stands.
#pragma once

#include <cstdint>
#include <memory>
#include <type_traits>

namespace miniray {

// Rows [row, row + rows) and columns [column, column + columns); column is a multiple of 8.
struct Tile {
  std::int64_t row, rows, column, columns;
};

// A reference to a function of a tile, or to none: owns nothing and must not outlive it. It is
// called from the threads that make the tiles, each tile once.
class TileFunction {
 public:
  TileFunction() = default;
  template <class Function>
  requires(!std::is_same_v<Function, TileFunction>)
      // NOLINTNEXTLINE(google-explicit-constructor): lambdas are passed as they are
      TileFunction(const Function& function)
      : function_(std::addressof(function)), call_([](const void* erased, const Tile& tile) {
          (*static_cast<const Function*>(erased))(tile);
        }) {}

  void operator()(const Tile& tile) const {
    if (call_ != nullptr) call_(function_, tile);
  }

 private:
  const void* function_ = nullptr;
  void (*call_)(const void*, const Tile&) = nullptr;
};

}  // namespace miniray
