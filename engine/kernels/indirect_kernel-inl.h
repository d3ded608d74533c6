// The operand of every convolution, for the SIMD target that is being compiled.
//
// As micro_kernel-inl.h's, but the broadcast operand is found by two tables of offsets:
//
//   tile[r, 0 .. kColumns) += source[rows[r] + steps[p]] * panel[p, 0 .. kColumns)
//
// In a padded picture the place of a pixel's tap is the place of the pixel plus that of the tap. So
// a convolution is a matrix product whose one operand is read where it lies: nothing is copied into
// columns first, at the price of one more load for twelve multiply-adds.
#if defined(MINIRAY_INDIRECT_KERNEL_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_INDIRECT_KERNEL_INL_H_
#undef MINIRAY_INDIRECT_KERNEL_INL_H_
#else
#define MINIRAY_INDIRECT_KERNEL_INL_H_
#endif

#include <cstdint>

#include "engine/kernels/micro_kernel-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The operand of multiply_tile that finds its numbers so.
template <class T>
struct Indirect {
  const T* HWY_RESTRICT source;
  const std::int32_t* HWY_RESTRICT rows;
  const std::int32_t* HWY_RESTRICT steps;

  template <int kRows>
  HWY_INLINE T at(int r, std::int64_t p) const {
    return (source + rows[r])[steps[p]];
  }
};

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
