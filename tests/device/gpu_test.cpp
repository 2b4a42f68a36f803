// What can be said of GPUs where there may be none.
#include "sibp/device/gpu.hpp"

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Gpu, NoneIsNoErrorButHasAReason) {
  const Gpus gpus = find_gpus();
  EXPECT_EQ(gpus.count == 0, !gpus.why_none.empty()) << gpus.why_none;
}

TEST(Gpu, OneThatIsNotThereCannotBeUsed) {
  const int beyond = find_gpus().count;
  EXPECT_THROW(describe_gpu(beyond), Error);
  EXPECT_THROW(make_cuda_device(beyond, Precision::fp32), Error);
}

TEST(Gpu, CommunicatorNeedsADeviceThatIsOne) {
  const auto cpu = make_cpu_device(1);
  EXPECT_THROW(make_gpu_communicator(make_mpi_communicator(), *cpu, 1), Error);
}

TEST(Gpu, PrecisionsHaveNames) {
  EXPECT_EQ(name_of(Precision::fp32), "fp32");
  EXPECT_EQ(name_of(Precision::tf32), "tf32");
}

}  // namespace
}  // namespace sibp
