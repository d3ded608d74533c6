#include "engine/shape.h"

#include <gtest/gtest.h>

#include <limits>

#include "support/expect_error.h"

namespace miniray {
namespace {

using testing::expect_error;

TEST(Shape, CountsAndPrints) {
  const Shape shape{3, 32, 32};
  EXPECT_EQ(shape.elements(), 3072);
  EXPECT_EQ(shape.rank(), 3);
  EXPECT_EQ(shape[2], 32);
  EXPECT_EQ(shape.to_string(), "3x32x32");
  EXPECT_EQ(Shape().elements(), 1);
}

TEST(Shape, ParsesWhatItPrints) {
  for (const Shape& shape : {Shape{1}, Shape{3, 32, 32}, Shape{2, 3, 4, 5}}) {
    EXPECT_EQ(Shape::parse(shape.to_string()), shape);
  }
}

TEST(Shape, RefusesWhatIsNoShape) {
  for (const char* text : {"", "x", "3x", "x3", "3x-1", "3 x 2", "a", "3x0", "1x2x3x4x5",
                           "99999999999999999999", "3xx2"}) {
    expect_error(ErrorKind::kInvalidArgument, "", [&] { Shape::parse(text); });
  }
}

TEST(Shape, RefusesMoreElementsThanCanBeCounted) {
  const std::int64_t half = std::numeric_limits<std::int64_t>::max() / 2;
  expect_error(ErrorKind::kInvalidArgument, "too many", [&] { Shape({half, 3}); });
}

}  // namespace
}  // namespace miniray
