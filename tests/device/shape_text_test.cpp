// Shapes as people write them.
#include "sibp/device/shape_text.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(ShapeText, IsReadBack) {
  for (const TensorShape& shape : {TensorShape{32, 30, 3}, TensorShape{1, 1, 784}, TensorShape{}})
    EXPECT_EQ(shape_from_text(to_text(shape)), shape);
  EXPECT_EQ(to_text({32, 30, 3}), "32x30x3");
}

TEST(ShapeText, AnythingElseIsNone) {
  for (const char* text : {"", "8", "8x8", "8x8x", "x8x8x3", "8x8x3x1", "8x8x3 ", " 8x8x3", "8X8X3", "0x8x3", "-8x8x3",
                           "8x8x0", "+8x8x3", "8.0x8x3", "99999999999999999999x1x1", "4294967296x4294967296x4"})
    EXPECT_EQ(shape_from_text(text), std::nullopt) << text;
}

}  // namespace
}  // namespace sibp
