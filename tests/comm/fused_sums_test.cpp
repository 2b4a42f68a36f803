// Matrices that travel together, on data that differ from rank to rank, against closed forms.
#include "sibp/comm/fused_sums.hpp"

#include "support/naive.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

const std::vector<FusedSums::Shape> shapes{{3, 4}, {50, 7}, {0, 5}, {1, 1}, {20, 30}, {2, 2}};

/// Sums of rounds, waited for from the last matrix to the first or the other way.
void expect_sums(Index least, std::size_t messages, bool backward) {
  const Communicator world = make_mpi_communicator();
  const auto device = make_cpu_device(1);
  FusedSums sums(*device, world, shapes, least);
  EXPECT_EQ(sums.messages(), messages);
  for (int round = 1; round <= 3; ++round) {
    for (std::size_t k = 0; k < shapes.size(); ++k) {
      EXPECT_FALSE(sums.under_way(k));
      device->fill(sums.view(k), static_cast<Real>((world.rank() + 1) * round + static_cast<int>(k)));
      sums.ready(k);
    }
    for (std::size_t n = 0; n < shapes.size(); ++n) {
      const std::size_t k = backward ? shapes.size() - 1 - n : n;
      sums.wait(k);
      EXPECT_FALSE(sums.under_way(k));
      const int ranks = world.size();
      const int sum = round * ranks * (ranks + 1) / 2 + ranks * static_cast<int>(k);
      const naive::Dense expected(shapes[k].rows, shapes[k].cols, sum);
      EXPECT_EQ(naive::download(*device, sums.view(k)).values, expected.values) << "matrix " << k;
    }
  }
}

TEST(FusedSums, AllInOneMessage) {
  expect_sums(1 << 20, 1, false);
  expect_sums(1 << 20, 1, true);
}

TEST(FusedSums, AMessageGoesWhenItIsLargeEnough) {
  expect_sums(300, 3, false);  // {3 × 4, 50 × 7}, {0 × 5, 1 × 1, 20 × 30}, {2 × 2}
  expect_sums(300, 3, true);
}

TEST(FusedSums, EachAlone) {
  expect_sums(0, shapes.size(), true);
}

TEST(FusedSums, NothingToSum) {
  const auto device = make_cpu_device(1);
  const FusedSums none(*device, make_mpi_communicator(), {});
  EXPECT_EQ(none.messages(), 0U);
}

}  // namespace
}  // namespace sibp
