// Both directions of a convolution as one: a picture that gathers from another.
//
// Along each axis a target's elements fall into phases. Those of one phase use the same taps of the
// kernel, and lie evenly in both pictures:
//
//   target[first_target + i target_step] =
//       sum over j < taps of source[first_source + i source_step + j] w[first_tap + j tap_step]
//
// for i < count. A convolution of stride s is one phase that steps by s through its source; its
// adjoint is s phases that step by s through the target, each with a share of the taps.
#pragma once

#include <algorithm>
#include <cstdint>

#include "engine/kernels/conv.h"

namespace miniray {

struct GatherPhase {
  std::int64_t first_target, count;
  std::int64_t first_source, taps, first_tap;
};

// One axis, of either direction.
class GatherAxis {
 public:
  static GatherAxis of_convolution(std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                                   std::int64_t extent, std::int64_t out_extent) {
    return {false, kernel, stride, padding, extent, out_extent};
  }
  static GatherAxis of_adjoint(std::int64_t kernel, std::int64_t stride, std::int64_t padding,
                               std::int64_t extent, std::int64_t out_extent) {
    return {true, kernel, stride, padding, out_extent, extent};
  }

  std::int64_t source_extent() const { return source_extent_; }
  std::int64_t target_extent() const { return target_extent_; }
  std::int64_t phases() const { return adjoint_ ? stride_ : 1; }
  std::int64_t target_step() const { return adjoint_ ? stride_ : 1; }
  std::int64_t source_step() const { return adjoint_ ? 1 : stride_; }
  std::int64_t tap_step() const { return adjoint_ ? -stride_ : 1; }
  GatherPhase phase(std::int64_t index) const;

  // Over all phases: the largest count, the lowest first_source, and the elements of the source
  // from there that `count` steps reach.
  std::int64_t largest_count() const;
  std::int64_t lowest_source() const;
  std::int64_t reach(std::int64_t count) const;

 private:
  GatherAxis(bool adjoint, std::int64_t kernel, std::int64_t stride, std::int64_t padding,
             std::int64_t source_extent, std::int64_t target_extent)
      : adjoint_(adjoint),
        kernel_(kernel),
        stride_(stride),
        padding_(padding),
        source_extent_(source_extent),
        target_extent_(target_extent) {}

  bool adjoint_;
  std::int64_t kernel_, stride_, padding_, source_extent_, target_extent_;
};

// A gather of whole pictures. w's elements lie at target channel w_target_stride + source channel
// w_source_stride + row tap kernel + column tap.
struct Gather {
  std::int64_t images, source_channels, target_channels, kernel;
  std::int64_t w_target_stride, w_source_stride;
  GatherAxis rows, columns;

  std::int64_t phases() const { return rows.phases() * columns.phases(); }
  std::int64_t taps() const { return kernel * kernel; }
};

Gather gather_of_convolution(const ConvShape& shape);
Gather gather_of_adjoint(const ConvShape& shape);

// target [images, target_channels, ...] from source; an empty bias [target_channels] is none.
template <class T>
void gather(const ThreadBudget& threads, const Gather& gather, Pictures<const T> source,
            std::span<const T> w, std::span<const T> bias, Pictures<T> target);

}  // namespace miniray
