// The main function of every test: starts MPI, runs the tests on all ranks, lets rank 0 report and the others report
// failures only, and fails on every rank if any rank failed. Tests of a device that is not there are skipped.
#include "sibp/comm/communicator.hpp"
#include "sibp/comm/environment.hpp"

#include "support/test_device.hpp"

#include <cstdio>
#include <exception>

#include <gtest/gtest.h>
#include <mpi.h>

namespace {

class FailuresWithRank final : public testing::EmptyTestEventListener {
 public:
  explicit FailuresWithRank(int rank) : rank_(rank) {}

 private:
  void OnTestPartResult(const testing::TestPartResult& result) override {
    if (result.failed()) {
      std::fprintf(stderr, "[rank %d] %s:%d: %s\n", rank_, result.file_name() ? result.file_name() : "?",
                   result.line_number(), result.message());
    }
  }

  int rank_;
};

}  // namespace

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  testing::InitGoogleTest(&argc, argv);
  // An exception that leaves a test on one rank would leave the others in a collective: end the job instead.
  GTEST_FLAG_SET(catch_exceptions, false);
  int failed = 0;
  try {
    const auto world = sibp::make_mpi_communicator();
    if (!world.is_root()) {
      auto& listeners = testing::UnitTest::GetInstance()->listeners();
      delete listeners.Release(listeners.default_result_printer());
      listeners.Append(new FailuresWithRank(world.rank()));
    }
    if (const auto reason = sibp::testing_support::why_skipped(world.size())) {
      // In GoogleTest's form for one test that is skipped, which ctest and launch/test.sh look for.
      if (world.is_root()) std::printf("all tests: Skipped\n%s\n\n[  SKIPPED ] all\n", reason->c_str());
    } else {
      failed = world.max(RUN_ALL_TESTS());
    }
  } catch (const std::exception& error) {
    std::fprintf(stderr, "a test let an exception pass: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
  return failed;
}
