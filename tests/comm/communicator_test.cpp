// Collectives on data that differ from rank to rank, against closed forms that hold for any number of ranks.
#include "sibp/comm/communicator.hpp"

#include "sibp/device/device.hpp"

#include "support/naive.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

class Collectives : public testing::Test {
 protected:
  Communicator world_ = make_mpi_communicator();
  int p_ = world_.rank();
  int ranks_ = world_.size();
};

TEST_F(Collectives, SumsOverRanksAreTheClosedForm) {
  std::vector<double> values(1000);
  for (std::size_t k = 0; k < values.size(); ++k) values[k] = static_cast<double>(k) * (p_ + 1);
  world_.all_reduce_sum(std::span(values));
  for (std::size_t k = 0; k < values.size(); ++k)
    EXPECT_EQ(values[k], static_cast<double>(k) * ranks_ * (ranks_ + 1) / 2);
}

TEST_F(Collectives, EveryElementTypeIsReduced) {
  const int sum = ranks_ * (ranks_ - 1) / 2;
  EXPECT_EQ(world_.sum(std::int32_t{p_}), sum);
  EXPECT_EQ(world_.sum(std::int64_t{p_} << 40), std::int64_t{sum} << 40);
  EXPECT_EQ(world_.sum(static_cast<std::uint64_t>(p_) << 50U), static_cast<std::uint64_t>(sum) << 50U);
  EXPECT_EQ(world_.sum(static_cast<float>(p_)), static_cast<float>(sum));
  EXPECT_EQ(world_.max(p_), ranks_ - 1);
  EXPECT_EQ(world_.min(-p_), 1 - ranks_);
}

TEST_F(Collectives, BroadcastAndGatherKeepTheOrderOfRanks) {
  for (int root = 0; root < ranks_; ++root) {
    std::vector<std::int32_t> values(5, p_);
    world_.broadcast(std::span(values), root);
    EXPECT_EQ(values, std::vector<std::int32_t>(5, root));
    EXPECT_EQ(world_.broadcast(std::string(static_cast<std::size_t>(p_ + 1), 'a'), root),
              std::string(static_cast<std::size_t>(root + 1), 'a'));
  }
  std::vector<std::int64_t> expected(static_cast<std::size_t>(ranks_));
  std::iota(expected.begin(), expected.end(), 100);
  EXPECT_EQ(world_.all_gather(std::int64_t{100 + p_}), expected);
}

TEST_F(Collectives, AgreementNeedsEveryRank) {
  EXPECT_TRUE(world_.all_agree(true));
  EXPECT_FALSE(world_.all_agree(false));
  EXPECT_FALSE(world_.all_agree(p_ != ranks_ - 1));
}

TEST_F(Collectives, MatricesAreSummedInTheOrderOfWaiting) {
  const auto device = make_cpu_device(1);
  Matrix a = device->allocate(17, 3);
  Matrix b = device->allocate(400, 100);
  Matrix none = device->allocate(0, 3);
  device->fill(a.view(), static_cast<Real>(p_ + 1));
  device->fill(b.view(), static_cast<Real>(2 * p_));
  const auto before = world_.bytes_reduced();
  auto first = world_.start_all_reduce_sum(a.view());
  auto second = world_.start_all_reduce_sum(b.view());
  auto third = world_.start_all_reduce_sum(none.view());
  while (!second->poll()) {
  }
  second->wait();
  first->wait();
  third->wait();
  EXPECT_EQ(naive::download(*device, a.view()).values, naive::Dense(17, 3, ranks_ * (ranks_ + 1) / 2.0).values);
  EXPECT_EQ(naive::download(*device, b.view()).values, naive::Dense(400, 100, ranks_ * (ranks_ - 1)).values);
  EXPECT_EQ(world_.bytes_reduced() - before, static_cast<std::int64_t>((17 * 3 + 400 * 100) * sizeof(Real)));
  world_.broadcast(a.view().left_cols(2), ranks_ - 1);
}

TEST_F(Collectives, MatricesWithGapsAreRefused) {
  const auto device = make_cpu_device(1);
  Matrix a = device->allocate(4, 4);
  EXPECT_THROW(world_.all_reduce_sum(a.view().top_rows(2)), Error);
}

TEST_F(Collectives, ARankAloneIsItsOwnWorld) {
  const Communicator self = make_self_communicator();
  EXPECT_EQ(self.size(), 1);
  EXPECT_EQ(self.rank(), 0);
  EXPECT_EQ(self.sum(p_), p_);
  const Communicator node = make_node_communicator();
  EXPECT_EQ(node.size(), ranks_) << "the tests run on one node";
}

}  // namespace
}  // namespace sibp
