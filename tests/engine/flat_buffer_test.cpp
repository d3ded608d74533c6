#include "engine/flat_buffer.h"

#include <gtest/gtest.h>

#include <cstdint>

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
