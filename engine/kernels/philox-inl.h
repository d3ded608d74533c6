// Philox4x32-10 (engine/rng.h), as many blocks at once as a vector has 64-bit lanes, for the SIMD
// target that is being compiled. Not for HWY_SCALAR, whose vectors hold no pair of words.
#if defined(MINIRAY_PHILOX_INL_H_) == defined(HWY_TARGET_TOGGLE)
#ifdef MINIRAY_PHILOX_INL_H_
#undef MINIRAY_PHILOX_INL_H_
#else
#define MINIRAY_PHILOX_INL_H_
#endif

#include <cstdint>

#include "engine/rng.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

#if HWY_TARGET != HWY_SCALAR

using Blocks = hn::ScalableTag<std::uint64_t>;
using BlockWords = hn::RepartitionToNarrow<Blocks>;
using BlockVector = hn::Vec<Blocks>;

// Each word of a block in the low half of the block's lane. The high halves are noise, which the
// multiplication ignores.
struct PhiloxBlocks {
  BlockVector word[4];
};

HWY_INLINE BlockVector widening_multiply(BlockVector a, std::uint32_t factor) {
  return hn::MulEven(hn::BitCast(BlockWords(), a), hn::Set(BlockWords(), factor));
}

// The blocks of these indices of a stream; start: what it is given for index 0.
HWY_INLINE PhiloxBlocks philox_blocks(const PhiloxInput& start, BlockVector index) {
  const Blocks d;
  PhiloxBlocks b = {{index, hn::ShiftRight<32>(index), hn::Set(d, start.counter[2]),
                     hn::Set(d, start.counter[3])}};
  std::uint32_t key0 = start.key[0], key1 = start.key[1];
  for (int round = 0; round < 10; ++round) {
    const BlockVector product0 = widening_multiply(b.word[0], kPhiloxFactor0);
    const BlockVector product1 = widening_multiply(b.word[2], kPhiloxFactor1);
    b.word[0] =
        hn::Xor(hn::Xor(hn::ShiftRight<32>(product1), b.word[1]), hn::Set(d, std::uint64_t{key0}));
    b.word[2] =
        hn::Xor(hn::Xor(hn::ShiftRight<32>(product0), b.word[3]), hn::Set(d, std::uint64_t{key1}));
    b.word[1] = product1;
    b.word[3] = product0;
    key0 += kPhiloxStep0;
    key1 += kPhiloxStep1;
  }
  return b;
}

// The words of two in one lane, `second` above.
HWY_INLINE BlockVector both(BlockVector first, BlockVector second) {
  const BlockVector low = hn::And(first, hn::Set(Blocks(), 0xFFFFFFFFU));
  return hn::Or(low, hn::ShiftLeft<32>(second));
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#endif
