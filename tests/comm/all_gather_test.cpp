// Matrices of which every rank fills its columns, gathered by the library and in shared memory.
#include "sibp/comm/collectives.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include "bench/idle_backend.hpp"
#include "comm/node/shared_collectives.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr Index rows = 5;

class AllGatherTest : public testing::Test {
 protected:
  /// Rounds of ragged columns, one rank without any, each element told apart by its rank, place and round.
  void expect_rounds(AllGather& matrix) {
    for (int round = 1; round <= 20; ++round) {
      std::vector<Index> columns;
      for (int q = 0; q < world_.size(); ++q) columns.push_back((q + round) % 3 == 0 ? 0 : q + 2);
      matrix.begin(rows, columns);
      const MatrixView own = matrix.own();
      ASSERT_EQ(own.cols, columns[static_cast<std::size_t>(world_.rank())]);
      for (Index c = 0; c < own.cols; ++c)
        for (Index r = 0; r < rows; ++r) own(r, c) = value(world_.rank(), r, c, round);
      EXPECT_FALSE(matrix.under_way());
      matrix.start();
      EXPECT_TRUE(matrix.under_way() || world_.size() == 1);
      matrix.wait();
      EXPECT_FALSE(matrix.under_way());
      expect_round(matrix.all(), columns, round);
      matrix.release();
    }
  }

  Communicator world_ = make_mpi_communicator();
  std::unique_ptr<Device> device_ = make_cpu_device(1);

 private:
  static Real value(int rank, Index r, Index c, int round) {
    return static_cast<Real>(1000 * rank + 100 * round + 10 * r + c);
  }
  static void expect_round(ConstMatrixView all, const std::vector<Index>& columns, int round) {
    EXPECT_EQ(all.cols, std::accumulate(columns.begin(), columns.end(), Index{0}));
    Index c = 0;
    for (int q = 0; q < static_cast<int>(columns.size()); ++q)
      for (Index k = 0; k < columns[static_cast<std::size_t>(q)]; ++k, ++c)
        for (Index r = 0; r < rows; ++r) EXPECT_EQ(all(r, c), value(q, r, k, round)) << "rank " << q;
  }
};

TEST_F(AllGatherTest, OfTheLibraryHasTheColumnsOfAllRanks) {
  const auto matrix = make_plain_all_gather(*device_, world_.make_slot(), world_.rank(), 500);
  expect_rounds(*matrix);
}

TEST_F(AllGatherTest, InSharedMemoryHasTheColumnsOfAllRanks) {
  bench::IdleBackend backend(world_.rank(), world_.size());  // for what is counted
  const auto matrix = make_shared_all_gather(MPI_COMM_WORLD, backend, 500);
  if (matrix == nullptr) GTEST_SKIP() << "the system has no shared memory left";
  EXPECT_GE(backend.traffic().shared_bytes(), static_cast<std::int64_t>(500 * sizeof(Real)));
  expect_rounds(*matrix);
}

TEST_F(AllGatherTest, OfTheCommunicatorRefusesWhatHasNoRoom) {
  const auto matrix = world_.make_all_gather(*device_, 10 * world_.size());
  const std::vector<Index> fits(static_cast<std::size_t>(world_.size()), 2);
  const std::vector<Index> too_many(static_cast<std::size_t>(world_.size()), 3);
  EXPECT_THROW(matrix->begin(rows, too_many), Error);
  matrix->begin(rows, fits);
  matrix->start();
  matrix->wait();
  matrix->release();
}

}  // namespace
}  // namespace sibp
