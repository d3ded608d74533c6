#include "engine/flat_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>
#include <numeric>
#include <vector>

#include "support/expect_error.h"

namespace miniray {
namespace {

TEST(SliceTable, LaysSlicesOutInOrderWithoutOverlap) {
  SliceTable table;
  table.declare("a", {3, 5});
  table.declare("b", {17});
  table.declare("c", {1});
  std::int64_t end = 0, elements = 0;
  for (const Slice& slice : table.slices()) {
    EXPECT_GE(slice.offset, end);
    EXPECT_EQ(slice.offset % SliceTable::kAlignment, 0);
    end = slice.offset + slice.size();
    elements += slice.size();
  }
  EXPECT_GE(table.buffer_size(), end);
  EXPECT_EQ(table.element_count(), elements);
  EXPECT_EQ(table.find("b").shape, Shape({17}));
}

TEST(SliceTable, NamesAreUniqueAndKnown) {
  SliceTable table;
  table.declare("a", {1});
  testing::expect_error(ErrorKind::kInvalidArgument, "'a'", [&] { table.declare("a", {2}); });
  testing::expect_error(ErrorKind::kNotFound, "'z'", [&] { (void)table.find("z"); });
}

// 16 columns of all rows, then the next 16: layout.h.
TEST(SliceTable, SlicesInBlocksAreReadAndWrittenRowMajor) {
  constexpr std::int64_t kRows = 3, kColumns = 48;
  SliceTable table;
  table.declare("before", {5});
  const Slice slice = table.declare("w", {kRows, kColumns}, Layout::kBlocks);
  FlatBuffer<float> buffer(table.buffer_size());
  std::vector<float> rows(kRows * kColumns), read(rows.size());
  std::iota(rows.begin(), rows.end(), 1.0F);
  write_slice<float>(rows, slice, buffer.span());
  for (std::int64_t r = 0; r < kRows; ++r) {
    for (std::int64_t c = 0; c < kColumns; ++c) {
      const std::int64_t at = c / 16 * (16 * kRows) + r * 16 + c % 16;
      EXPECT_EQ(slice_of(buffer.span(), slice)[static_cast<std::size_t>(at)],
                rows[static_cast<std::size_t>(r * kColumns + c)]);
    }
  }
  read_slice<float>(buffer.span(), slice, read);
  EXPECT_EQ(read, rows);
}

TEST(FlatBuffer, IsZeroAlignedAndCopiedByValue) {
  for (const std::int64_t size : {0, 1, 1000, 3'000'000}) {
    FlatBuffer<float> buffer(size);
    EXPECT_EQ(reinterpret_cast<std::uintptr_t>(buffer.span().data()) % 64, 0U);
    for (const float value : buffer.span()) ASSERT_EQ(value, 0.0F);
    if (size == 0) continue;
    buffer.span()[0] = 5;
    FlatBuffer<float> copy(buffer);
    copy.span()[0] = 6;
    EXPECT_EQ(buffer.span()[0], 5);
    FlatBuffer<float> other(1);
    other = copy;
    EXPECT_EQ(other.span().size(), buffer.span().size());
    EXPECT_EQ(other.span()[0], 6);
  }
}

}  // namespace
}  // namespace miniray
