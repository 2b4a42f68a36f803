// Collectives on matrices in the memory of GPUs, on as many ranks as there are GPUs: one is enough.
#include "sibp/comm/communicator.hpp"

#include "support/naive.hpp"
#include "support/test_device.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

class GpuCollectives : public testing::Test {
 protected:
  /// Rank q's matrix is (q + 1) times that of the seed.
  Matrix of_rank(Index rows, Index cols) {
    Dense content = naive::random(rows, cols, 1);
    for (double& value : content.values) value *= p_ + 1;
    return naive::upload(*device_, content);
  }
  /// What the sum over ranks of of_rank() is.
  Dense sum_of_ranks(Index rows, Index cols) const {
    Dense content = naive::random(rows, cols, 1);
    for (double& value : content.values) value *= ranks_ * (ranks_ + 1) / 2.0;
    return content;
  }
  double error(ConstMatrixView a, const Dense& expected) {
    return naive::relative_difference(naive::download(*device_, a), expected);
  }

  std::unique_ptr<Device> device_ = testing_support::make_test_device();
  Communicator communicator_ = testing_support::make_test_communicator(*device_);
  int p_ = communicator_.rank();
  int ranks_ = communicator_.size();
};

TEST_F(GpuCollectives, SumsAreWaitedForByTheDevice) {
  Matrix a = of_rank(300, 400);
  const auto slot = communicator_.make_slot();
  EXPECT_FALSE(slot->under_way());
  device_->scale(2, a.view());  // before the sum
  slot->start_all_reduce_sum(a.view());
  EXPECT_TRUE(slot->under_way());
  slot->wait();
  device_->scale(Real(0.5), a.view());  // after it
  EXPECT_LT(error(a.view(), sum_of_ranks(300, 400)), 1e-6);
  EXPECT_FALSE(slot->under_way());
  slot->wait();
}

TEST_F(GpuCollectives, AllReducesAndEmptyOnes) {
  const auto sum = communicator_.make_all_reduce(*device_, 20, 10);
  device_->copy(of_rank(20, 10).view(), sum->view());
  sum->start();
  sum->wait();
  EXPECT_LT(error(sum->view(), sum_of_ranks(20, 10)), 1e-6);
  const auto none = communicator_.make_all_reduce(*device_, 0, 10);
  none->start();
  EXPECT_FALSE(none->under_way());
  none->wait();
}

TEST_F(GpuCollectives, BlocksAreGatheredAndScattered) {
  for (const Index extra : {0, 3}) {  // blocks of equal and of unequal size
    std::vector<Index> columns(static_cast<std::size_t>(ranks_), 5);
    columns.back() += extra;
    const Index cols = 5 * ranks_ + extra;
    const Index mine = columns[static_cast<std::size_t>(p_)];
    Matrix matrix = of_rank(4, cols);
    Matrix block = device_->allocate(4, mine);
    const auto slot = communicator_.make_slot();
    slot->start_reduce_scatter_columns(matrix.view(), columns, block.view());
    slot->wait();
    const Matrix sum = naive::upload(*device_, sum_of_ranks(4, cols));
    const Dense expected = naive::download(*device_, sum.view().block(0, 5 * p_, 4, mine));
    EXPECT_LT(error(block.view(), expected), 1e-6);

    Matrix gathered = device_->allocate(4, cols);
    device_->copy(block.view(), gathered.view().block(0, 5 * p_, 4, mine));
    slot->start_all_gather_columns(gathered.view(), columns);
    slot->wait();
    EXPECT_LT(error(gathered.view(), sum_of_ranks(4, cols)), 1e-6);
  }
}

TEST_F(GpuCollectives, HostMemoryAndMatricesAreBroadcast) {
  Matrix a = of_rank(6, 7);
  communicator_.broadcast(a.view());
  EXPECT_LT(error(a.view(), naive::random(6, 7, 1)), 1e-6);
  std::vector<double> values{static_cast<double>(p_)};
  communicator_.broadcast(std::span(values));
  EXPECT_EQ(values[0], 0);
  EXPECT_EQ(communicator_.sum(1), ranks_);
}

TEST_F(GpuCollectives, PollingFindsNothingWrong) {
  device_->set_progress([&] { communicator_.poll(); });
  Matrix a = of_rank(1000, 1000);
  for (int k = 0; k < 20; ++k) communicator_.all_reduce_sum(a.view());
  device_->synchronise();
  device_->set_progress(nullptr);
}

}  // namespace
}  // namespace sibp
