#include "sibp/device/device.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Eigen, DoesTheProductsOfThisProgram) {
  EXPECT_THAT(make_cpu_device(1)->description(), testing::HasSubstr("Eigen"));
}

}  // namespace
}  // namespace sibp
