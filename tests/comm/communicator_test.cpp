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

TEST_F(Collectives, SeveralReductionsMayBeUnderWay) {
  const auto device = make_cpu_device(1);
  Matrix a = device->allocate(17, 3);
  Matrix b = device->allocate(1300, 1000);  // more than one piece
  Matrix none = device->allocate(0, 3);
  const auto first = world_.make_slot();
  const auto second = world_.make_slot();
  const auto third = world_.make_slot();
  for (int round = 1; round <= 2; ++round) {  // slots are used again
    device->fill(a.view(), static_cast<Real>(p_ + round));
    device->fill(b.view(), static_cast<Real>(2 * p_));
    const auto before = world_.bytes_reduced();
    first->start_all_reduce_sum(a.view());
    second->start_all_reduce_sum(b.view());
    third->start_all_reduce_sum(none.view());
    world_.poll();
    second->wait();
    first->wait();
    third->wait();
    EXPECT_FALSE(first->under_way());
    const double sum = ranks_ * (ranks_ - 1) / 2.0;
    EXPECT_EQ(naive::download(*device, a.view()).values, naive::Dense(17, 3, sum + ranks_ * round).values);
    EXPECT_EQ(naive::download(*device, b.view()).values, naive::Dense(1300, 1000, 2 * sum).values);
    const auto bytes = ranks_ == 1 ? 0 : static_cast<std::int64_t>((17 * 3 + 1300 * 1000) * sizeof(Real));
    EXPECT_EQ(world_.bytes_reduced() - before, bytes);
  }
}

TEST_F(Collectives, SecondsAreCountedByKind) {
  const auto device = make_cpu_device(1);
  Matrix a = device->allocate(300, 200);
  device->fill(a.view(), 1);
  const auto slot = world_.make_slot();
  const auto uncounted = world_.make_slot();
  world_.traffic().take_seconds();
  slot->start_all_reduce_sum(a.view());
  slot->wait();
  slot->start_reduce_sum(a.view(), 0);
  slot->wait();
  {
    const Traffic::Uncounted ignored(world_.traffic());
    uncounted->start_all_reduce_sum(a.view());
    uncounted->wait();
  }
  const SecondsByCollective taken = world_.traffic().take_seconds();
  for (const Collective kind : {Collective::all_reduce, Collective::reduce}) {
    const double seconds = taken[kind].hidden + taken[kind].exposed;
    EXPECT_LT(seconds, 10) << name_of(kind);
    EXPECT_EQ(seconds > 0, ranks_ > 1) << name_of(kind);  // alone nothing travels
  }
  EXPECT_EQ(taken[Collective::gather], CollectiveSeconds{});
  EXPECT_EQ(world_.traffic().take_seconds(), SecondsByCollective{});
}

TEST_F(Collectives, ColumnsAreGatheredInTheOrderOfRanks) {
  const auto device = make_cpu_device(1);
  std::vector<Index> columns;
  for (int q = 0; q < ranks_; ++q) columns.push_back(q == 1 ? 0 : q + 2);  // ragged, and a rank without columns
  const Index total = std::accumulate(columns.begin(), columns.end(), Index{0});
  const Index before = std::accumulate(columns.begin(), columns.begin() + p_, Index{0});
  Matrix gathered = device->allocate(5, total);
  device->fill(gathered.view().block(0, before, 5, columns[static_cast<std::size_t>(p_)]), static_cast<Real>(p_ + 1));
  const auto slot = world_.make_slot();
  slot->start_all_gather_columns(gathered.view(), columns);
  slot->wait();
  Index c = 0;
  for (int q = 0; q < ranks_; ++q)
    for (Index k = 0; k < columns[static_cast<std::size_t>(q)]; ++k, ++c)
      for (Index r = 0; r < 5; ++r) EXPECT_EQ(gathered.view()(r, c), static_cast<Real>(q + 1));
}

TEST_F(Collectives, BlocksOfColumnsAreSummedWhereTheyBelong) {
  const auto device = make_cpu_device(1);
  std::vector<Index> columns;
  for (int q = 0; q < ranks_; ++q) columns.push_back(q == 1 ? 0 : 3);
  const Index total = std::accumulate(columns.begin(), columns.end(), Index{0});
  const Index mine = columns[static_cast<std::size_t>(p_)];
  const Index before = std::accumulate(columns.begin(), columns.begin() + p_, Index{0});
  Matrix matrix = device->allocate(4, total);
  for (Index c = 0; c < total; ++c)
    for (Index r = 0; r < 4; ++r) matrix.view()(r, c) = static_cast<Real>((p_ + 1) * (10 * c + r));
  Matrix block = device->allocate(4, mine);
  const auto slot = world_.make_slot();
  slot->start_reduce_scatter_columns(matrix.view(), columns, block.view());
  slot->wait();
  const double factor = ranks_ * (ranks_ + 1) / 2.0;
  for (Index c = 0; c < mine; ++c)
    for (Index r = 0; r < 4; ++r)
      EXPECT_EQ(static_cast<double>(block.view()(r, c)), factor * static_cast<double>(10 * (before + c) + r));
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
