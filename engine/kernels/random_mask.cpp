#include "engine/kernels/random_mask.h"

#include <cmath>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/random_mask.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/philox-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

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

using Halves = hn::RepartitionToNarrow<BlockWords>;

// Bits first_bit .. first_bit + 3 of a byte, one in each 16-bit lane that is below the threshold.
HWY_INLINE BlockVector bits_below(BlockVector words, hn::Vec<Halves> last_kept,
                                  unsigned first_bit) {
  const BlockVector bits = hn::Set(Blocks(), std::uint64_t{0x0008000400020001} << first_bit);
  const auto values = hn::BitCast(Halves(), words);
  const auto kept = hn::Eq(hn::Min(values, last_kept), values);
  return hn::And(hn::BitCast(Blocks(), hn::VecFromMask(Halves(), kept)), bits);
}

void fill_mask_bytes(const RandomKey& key, std::uint32_t threshold, std::uint64_t first_byte,
                     std::span<std::uint8_t> mask) {
  const Blocks d;
  const std::size_t lanes = hn::Lanes(d);
  const auto last_kept = hn::Set(Halves(), static_cast<std::uint16_t>(threshold - 1));
  const PhiloxInput start = philox_input(key, 0);
  HWY_ALIGN std::uint64_t bytes[HWY_MAX_BYTES / sizeof(std::uint64_t)];
  std::size_t i = 0;
  for (; threshold > 0 && i + lanes <= mask.size(); i += lanes) {
    const PhiloxBlocks b = philox_blocks(start, hn::Iota(d, first_byte + i));
    const BlockVector four = hn::Or(bits_below(both(b.word[0], b.word[1]), last_kept, 0),
                                    bits_below(both(b.word[2], b.word[3]), last_kept, 4));
    const BlockVector two = hn::Or(four, hn::ShiftRight<32>(four));
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
