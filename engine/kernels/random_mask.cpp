#include "engine/kernels/random_mask.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/random_mask.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// Byte of block `index`, by the definition.
std::uint8_t mask_byte(const RandomKey& key, std::uint32_t threshold, std::uint64_t index) {
  const RandomBlock block = random_block(key, index);
  unsigned byte = 0;
  for (unsigned word = 0; word < 4; ++word) {
    byte |= static_cast<unsigned>((block[word] & 0xFFFF) < threshold) << (2 * word);
    byte |= static_cast<unsigned>((block[word] >> 16) < threshold) << (2 * word + 1);
  }
  return static_cast<std::uint8_t>(byte);
}

#if HWY_TARGET != HWY_SCALAR

using D64 = hn::ScalableTag<std::uint64_t>;
using D32 = hn::RepartitionToNarrow<D64>;
using D16 = hn::RepartitionToNarrow<D32>;
using V64 = hn::Vec<D64>;

// As many blocks of Philox4x32-10 as there are 64-bit lanes, each word in the low half of its lane.
// The high halves are noise, which the multiplication ignores.
struct PhiloxBlocks {
  V64 word[4];
};

HWY_INLINE V64 widening_multiply(V64 a, std::uint32_t factor) {
  return hn::MulEven(hn::BitCast(D32(), a), hn::Set(D32(), factor));
}

HWY_INLINE PhiloxBlocks philox_blocks(const PhiloxInput& start, V64 index) {
  const D64 d;
  PhiloxBlocks b = {{index, hn::ShiftRight<32>(index), hn::Set(d, start.counter[2]),
                     hn::Set(d, start.counter[3])}};
  std::uint32_t key0 = start.key[0], key1 = start.key[1];
  for (int round = 0; round < 10; ++round) {
    const V64 product0 = widening_multiply(b.word[0], kPhiloxFactor0);
    const V64 product1 = widening_multiply(b.word[2], kPhiloxFactor1);
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
HWY_INLINE hn::Vec<D16> both(V64 first, V64 second) {
  const V64 low = hn::And(first, hn::Set(D64(), 0xFFFFFFFFU));
  return hn::BitCast(D16(), hn::Or(low, hn::ShiftLeft<32>(second)));
}

// Bits first_bit .. first_bit + 3 of a byte, one in each 16-bit lane that is below the threshold.
HWY_INLINE V64 bits_below(hn::Vec<D16> values, hn::Vec<D16> last_kept, unsigned first_bit) {
  const V64 bits = hn::Set(D64(), std::uint64_t{0x0008000400020001} << first_bit);
  const auto kept = hn::Eq(hn::Min(values, last_kept), values);
  return hn::And(hn::BitCast(D64(), hn::VecFromMask(D16(), kept)), bits);
}

void fill_mask_bytes(const RandomKey& key, std::uint32_t threshold, std::uint64_t first_byte,
                     std::span<std::uint8_t> mask) {
  const D64 d;
  const std::size_t lanes = hn::Lanes(d);
  const auto last_kept = hn::Set(D16(), static_cast<std::uint16_t>(threshold - 1));
  const PhiloxInput start = philox_input(key, 0);
  HWY_ALIGN std::uint64_t bytes[HWY_MAX_BYTES / sizeof(std::uint64_t)];
  std::size_t i = 0;
  for (; threshold > 0 && i + lanes <= mask.size(); i += lanes) {
    const PhiloxBlocks b = philox_blocks(start, hn::Iota(d, first_byte + i));
    const V64 four = hn::Or(bits_below(both(b.word[0], b.word[1]), last_kept, 0),
                            bits_below(both(b.word[2], b.word[3]), last_kept, 4));
    const V64 two = hn::Or(four, hn::ShiftRight<32>(four));
    hn::Store(hn::Or(two, hn::ShiftRight<16>(two)), d, bytes);
    for (std::size_t lane = 0; lane < lanes; ++lane) {
      mask[i + lane] = static_cast<std::uint8_t>(bytes[lane]);
    }
  }
  for (; i < mask.size(); ++i) mask[i] = mask_byte(key, threshold, first_byte + i);
}

#else

void fill_mask_bytes(const RandomKey& key, std::uint32_t threshold, std::uint64_t first_byte,
                     std::span<std::uint8_t> mask) {
  for (std::size_t i = 0; i < mask.size(); ++i) mask[i] = mask_byte(key, threshold, first_byte + i);
}

#endif

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(fill_mask_bytes);

void fill_mask(const RandomKey& key, double keep, std::uint64_t first_byte,
               std::span<std::uint8_t> mask) {
  const auto threshold = static_cast<std::uint32_t>(std::lround(keep * 65536));
  HWY_DYNAMIC_DISPATCH(fill_mask_bytes)(key, threshold, first_byte, mask);
}

}  // namespace miniray
#endif
