#include "engine/kernels/random_words.h"

#include <algorithm>

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/random_words.cpp"
#include "hwy/foreach_target.h"

#include "engine/kernels/philox-inl.h"
#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {

void random_words(const RandomKey& key, std::uint64_t first_block, std::span<std::uint32_t> words) {
  std::uint64_t block = 0;
  const std::uint64_t blocks = words.size() / 4;
#if HWY_TARGET != HWY_SCALAR
  const Blocks d;
  const std::uint64_t lanes = hn::Lanes(d);
  const PhiloxInput start = philox_input(key, 0);
  // Interleaving takes the even lanes first, then the odd ones.
  const auto lane = hn::Iota(d, 0);
  const auto is_odd = hn::Ne(hn::And(lane, hn::Set(d, 1)), hn::Zero(d));
  const auto order =
      hn::Add(hn::ShiftRight<1>(lane), hn::IfThenElseZero(is_odd, hn::Set(d, lanes / 2)));
  for (; block + lanes <= blocks; block += lanes) {
    const PhiloxBlocks b = philox_blocks(start, hn::Add(hn::Set(d, first_block + block), order));
    const auto low = both(b.word[0], b.word[1]), high = both(b.word[2], b.word[3]);
    std::uint32_t* const to = words.data() + 4 * block;
    hn::StoreU(hn::BitCast(BlockWords(), hn::InterleaveLower(d, low, high)), BlockWords(), to);
    hn::StoreU(hn::BitCast(BlockWords(), hn::InterleaveUpper(d, low, high)), BlockWords(),
               to + 2 * lanes);
  }
#endif
  for (; block < blocks; ++block) {
    std::ranges::copy(random_block(key, first_block + block), words.data() + 4 * block);
  }
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(random_words);

void fill_random_words(const RandomKey& key, std::uint64_t first_block,
                       std::span<std::uint32_t> words) {
  HWY_DYNAMIC_DISPATCH(random_words)(key, first_block, words);
}

}  // namespace miniray
#endif
