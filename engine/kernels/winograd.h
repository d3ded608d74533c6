// Winograd's minimal filtering F(2, r): two outputs of a filter of r taps by r + 1 multiplications
// instead of 2 r, nested for both axes (Lavin and Gray, "Fast Algorithms for Convolutional Neural
// Networks", 2016, section 4). With * element by element, D a tile of sources, (r + 1) x (r + 1),
// and w a kernel, r x r, two by two targets are
//
//   Y = At ((G w Gt) * (Bt D B)) A
//
//   r = 2:  Bt = 1 -1  0    G = 1 0    At = 1 1 0      r = 3:  Bt = 1  0 -1  0    G =  1    0    0
//                0  1  0        1 1         0 1 1                   0  1  1  0       1/2  1/2  1/2
//                0 -1  1        0 1                                 0 -1  1  0       1/2 -1/2  1/2
//                                                                   0  1  0 -1        0    0    1
//                                                          At = 1  1  1  0
//                                                               0  1 -1 -1
//
// The (r + 1) x (r + 1) numbers between are called points. Summed over channels and tiles, each
// point is a matrix product of its own: 16 products of a quarter of the pixels where 3x3 taps would
// take 9 of all, 2.25 times the work; for 2x2 taps 1.78 times. Each map is linear, so gradients
// take its transpose.
//
// Functions use the calling thread only and allocate nothing. T is float or double.
#pragma once

#include <cstdint>

namespace miniray {

// Where the vectors of a grid stand, in elements from its first.
struct GridSteps {
  std::int64_t row, column, grid;  // to the next row, column, and the next grid
};

// Maps `grids` small grids, each for `channels` channels that lie side by side. Channels are taken
// by whole vectors, of at most WinogradMaps::kChannels of them: both sides have room for these.
template <class T>
using GridMap = void (*)(std::int64_t grids, std::int64_t channels, const T* from,
                         const GridSteps& from_steps, T* to, const GridSteps& to_steps);

template <class T>
struct WinogradMaps {
  static constexpr std::int64_t kChannels = 16;

  GridMap<T> sources;           // Bt D B: points of a tile of sources
  GridMap<T> targets;           // At M A: two by two targets of points
  GridMap<T> target_gradients;  // A Y At: points of two by two targets' gradients
  GridMap<T> weights;           // G w Gt: points of a kernel
  GridMap<T> weight_gradients;  // Gt M G: a kernel's gradient of points
};

// Those of the SIMD target in use, for filters of 2 or 3 taps.
template <class T>
const WinogradMaps<T>& winograd_maps(std::int64_t taps);

}  // namespace miniray
