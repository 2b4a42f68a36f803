// Which GPU a rank takes, as far as that can be said where there may be none.
#include "app/run/gpu_choice.hpp"

#include "sibp/core/error.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing::AllOf;
using testing::HasSubstr;

using Uuid = std::array<std::uint64_t, 2>;

std::string error_of(const Options& options) {
  try {
    (void)choose_gpu(options, make_mpi_communicator());
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), ExitStatus::usage);
    return error.what();
  }
  return "";
}

TEST(GpuChoice, EveryRankNeedsItsOwn) {
  const Uuid a{1, 2};
  const Uuid b{1, 3};
  const Uuid c{2, 2};
  EXPECT_EQ(shared_gpu({a}, "n1"), std::nullopt);
  EXPECT_EQ(shared_gpu({a, b, c}, "n1"), std::nullopt);
  EXPECT_THAT(shared_gpu({a, b, c, b}, "n1").value_or(""), HasSubstr("4 ranks on n1, but 3 GPUs"));
  EXPECT_THAT(shared_gpu({a, a}, "n1").value_or(""), HasSubstr("2 ranks on n1, but 1 GPU for them"));
}

TEST(GpuChoice, ProcessorsAreChosenAndHaveOnePrecision) {
  Options options;
  options.device = DeviceChoice::cpu;
  EXPECT_FALSE(choose_gpu(options, make_mpi_communicator()).has_value());
  options.precision = Precision::tf32;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("--precision: found tf32"), HasSubstr("--device is cpu")));
}

TEST(GpuChoice, WhereThereIsNoneOnlyAutoGoesOn) {
  const Gpus gpus = find_gpus();
  if (gpus.count > 0) GTEST_SKIP() << "there is a GPU";
  Options options;
  EXPECT_FALSE(choose_gpu(options, make_mpi_communicator()).has_value());
  options.precision = Precision::tf32;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("--precision"), HasSubstr(gpus.why_none)));
  options.precision = Precision::fp32;
  options.device = DeviceChoice::cuda;
  EXPECT_THAT(error_of(options), AllOf(HasSubstr("--device: found cuda"), HasSubstr(gpus.why_none)));
}

}  // namespace
}  // namespace sibp
