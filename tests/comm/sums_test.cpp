// Sums over ranks by every way there is: through the library, through memory that ranks share, over several nodes, as
// float32 and as bfloat16. The ranks of a test are on one machine; that they are on several nodes is what they are
// told.
#include "sibp/comm/communicator.hpp"
#include "sibp/device/device.hpp"

#include "support/nodes.hpp"

#include <cmath>
#include <cstring>
#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

struct Way {
  const char* name;
  int ranks_per_node;
  SumOptions options;
};

void PrintTo(const Way& way, std::ostream* out) {
  *out << way.name;
}

constexpr int all_ranks = 100;

const std::vector<Way>& ways() {
  static const std::vector<Way> all{
      {"library", all_ranks, {Sums::library, Wire::float32}},
      {"library_rounded", all_ranks, {Sums::library, Wire::bfloat16}},
      {"shared", all_ranks, {Sums::shared, Wire::float32}},
      {"shared_rounded_gathers", all_ranks, {Sums::shared, Wire::bfloat16}},
      {"nodes_of_two", 2, {Sums::shared, Wire::float32}},  // 3 ranks: nodes of 2 and 1
      {"nodes_of_two_rounded", 2, {Sums::shared, Wire::bfloat16}},
      {"nodes_of_three", 3, {Sums::shared, Wire::float32}},  // 4 ranks: nodes of 3 and 1
      {"nodes_of_one", 1, {Sums::shared, Wire::float32}},
      {"by_rule", 2, {Sums::automatic, Wire::float32}},
      {"by_trial", 2, {Sums::measured, Wire::float32}},
  };
  return all;
}

class SumsOverRanks : public testing::TestWithParam<Way> {
 protected:
  /// Whether an AllReduce rounds: where they go over a wire.
  [[nodiscard]] bool is_rounded() const {
    const Way& way = GetParam();
    return ranks_ > 1 && way.options.wire == Wire::bfloat16 &&
           (way.options.sums == Sums::library || way.ranks_per_node < ranks_);
  }

  /// Numbers with more digits than any format here holds, different on every rank.
  static double part(int q, Index k) { return std::sin(static_cast<double>(k + 1) * (q + 1)) * std::exp(k % 7); }

  void fill_part(MatrixView matrix, Index shift) const {
    for (Index k = 0; k < matrix.size(); ++k) matrix.data[k] = static_cast<Real>(part(p_, k + shift));
  }

  /// This rank's columns of one matrix that all ranks fill together.
  static void fill_shared_part(MatrixView columns, Index shift) {
    for (Index k = 0; k < columns.size(); ++k) columns.data[k] = static_cast<Real>(part(0, k + shift));
  }

  void expect_sum_of_parts(ConstMatrixView matrix, Index shift, bool rounded) const {
    const double unit = rounded ? std::ldexp(1, -8) : sizeof(Real) == 4 ? std::ldexp(1, -23) : std::ldexp(1, -52);
    for (Index k = 0; k < matrix.size(); ++k) {
      double sum = 0;
      double size = 0;
      for (int q = 0; q < ranks_; ++q) {
        sum += part(q, k + shift);
        size += std::abs(part(q, k + shift));
      }
      ASSERT_NEAR(static_cast<double>(matrix.data[k]), sum, unit * (size + std::abs(sum)) * 1.01) << "element " << k;
    }
  }

  void expect_equal_on_all_ranks(ConstMatrixView matrix) const {
    std::vector<Real> root(matrix.data, matrix.data + matrix.size());
    world_.broadcast(std::span(root));
    EXPECT_EQ(std::memcmp(root.data(), matrix.data, root.size() * sizeof(Real)), 0) << "not the bits of rank 0";
  }

  /// Ranks get on with their sums at different times.
  void poll_now_and_then(int round) const {
    for (int k = 0; k < (p_ * 37 + round * 11) % 50; ++k) world_.poll();
  }

  Communicator world_ = testing_support::communicator_of_nodes(GetParam().ranks_per_node, GetParam().options);
  std::unique_ptr<Device> device_ = make_cpu_device(1);
  int p_ = world_.rank();
  int ranks_ = world_.size();
};

TEST_P(SumsOverRanks, SmallWholeNumbersAreExact) {
  const auto large = world_.make_all_reduce(*device_, 1031, 1021);  // more than one piece, no multiple of the ranks
  const auto small = world_.make_all_reduce(*device_, 3, 1);        // fewer elements than ranks
  const auto none = world_.make_all_reduce(*device_, 0, 5);
  for (int round = 1; round <= 3; ++round) {
    device_->fill(large->view(), static_cast<Real>(p_ + round));
    large->view()(7, 1020) = static_cast<Real>(p_ * p_);
    device_->fill(small->view(), static_cast<Real>(10 * p_));
    large->start();
    small->start();
    none->start();
    poll_now_and_then(round);
    small->wait();
    large->wait();
    none->wait();
    const int sum = ranks_ * (ranks_ - 1) / 2;
    const int squares = (ranks_ - 1) * ranks_ * (2 * ranks_ - 1) / 6;
    large->view()(7, 1020) -= static_cast<Real>(squares - sum - ranks_ * round);
    for (Index k = 0; k < large->view().size(); ++k)
      ASSERT_EQ(large->view().data[k], static_cast<Real>(sum + ranks_ * round)) << "element " << k;
    for (Index r = 0; r < 3; ++r) EXPECT_EQ(small->view()(r, 0), static_cast<Real>(10 * sum));
    EXPECT_FALSE(large->under_way());
  }
}

TEST_P(SumsOverRanks, ManyAreUnderWayAndAllRanksGetTheSameBits) {
  std::vector<std::unique_ptr<AllReduce>> matrices;
  for (const Index rows : {2000, 1, 64, 3, 5000}) matrices.push_back(world_.make_all_reduce(*device_, rows, 7));
  for (int round = 0; round < 8; ++round) {
    for (const auto& matrix : matrices) {
      fill_part(matrix->view(), round);
      matrix->start();
      poll_now_and_then(round);
    }
    for (std::size_t k = 0; k < matrices.size(); ++k) {  // waited for in another order than started
      const auto& matrix = matrices[(k * 3 + static_cast<std::size_t>(round)) % matrices.size()];
      matrix->wait();
      expect_sum_of_parts(matrix->view(), round, is_rounded());
      expect_equal_on_all_ranks(matrix->view());
    }
  }
}

TEST_P(SumsOverRanks, SumsAreBroughtToTheirRoots) {
  std::vector<std::unique_ptr<AllReduce>> matrices;
  const auto root_of = [&](std::size_t k) { return static_cast<int>(k * 5 + 1) % ranks_; };
  for (const Index rows : {101, 1, 300, 3})
    matrices.push_back(world_.make_all_reduce(*device_, rows, 1021, root_of(matrices.size())));
  for (int round = 0; round < 4; ++round) {
    const auto before = world_.bytes_reduced();
    for (const auto& matrix : matrices) {
      fill_part(matrix->view(), round);
      matrix->start();
      poll_now_and_then(round);
    }
    for (std::size_t k = matrices.size(); k-- > 0;) {
      matrices[k]->wait();
      if (p_ == root_of(k)) expect_sum_of_parts(matrices[k]->view(), round, is_rounded());
    }
    const std::int64_t half = Index{405} * 1021 * (is_rounded() ? 1 : Index{sizeof(Real)} / 2);
    EXPECT_EQ(world_.bytes_reduced() - before, ranks_ == 1 ? 0 : half);
  }
}

TEST_P(SumsOverRanks, WhatTravelsIsCounted) {
  const auto matrix = world_.make_all_reduce(*device_, 17, 3);
  const auto before = world_.bytes_reduced();
  matrix->start();
  matrix->wait();
  const std::size_t bytes = 17 * 3 * (is_rounded() ? 2 : sizeof(Real));
  EXPECT_EQ(world_.bytes_reduced() - before, ranks_ == 1 ? 0 : static_cast<std::int64_t>(bytes));
}

TEST_P(SumsOverRanks, TheWayIsKnown) {
  EXPECT_EQ(world_.sums(), Sums::automatic) << "nothing has been decided";
  EXPECT_EQ(world_.sums_in_words(), "");
  (void)world_.make_all_reduce(*device_, 1, 1);
  if (ranks_ == 1) {
    EXPECT_EQ(world_.sums(), Sums::automatic);
  } else if (GetParam().ranks_per_node == 1) {
    EXPECT_EQ(world_.sums(), Sums::library) << "there is nobody to share memory with";
  } else if (GetParam().options.sums == Sums::automatic) {
    EXPECT_EQ(world_.sums(), Sums::shared) << "a node has two ranks, and memory for them to share";
    EXPECT_EQ(world_.sums_in_words().find("trial"), std::string::npos) << world_.sums_in_words();
  } else if (GetParam().options.sums == Sums::measured) {
    EXPECT_TRUE(world_.sums() == Sums::shared || world_.sums() == Sums::library);
    EXPECT_NE(world_.sums_in_words().find("by a trial"), std::string::npos) << world_.sums_in_words();
  } else {
    EXPECT_EQ(world_.sums(), GetParam().options.sums);
  }
  const auto sums = static_cast<std::int32_t>(world_.sums());
  EXPECT_EQ(world_.max(sums), world_.min(sums));
}

/// Columns of each rank: ragged, and none of rank 1.
std::vector<Index> ragged_columns(int ranks) {
  std::vector<Index> columns;
  for (int q = 0; q < ranks; ++q) columns.push_back(q == 1 ? 0 : q + 2);
  return columns;
}

TEST_P(SumsOverRanks, SlotsRoundWhatTravelsAlikeOnAllRanks) {
  const bool rounded = ranks_ > 1 && GetParam().options.wire == Wire::bfloat16;
  const auto columns = ragged_columns(ranks_);
  const Index own = columns[static_cast<std::size_t>(p_)];
  const Index total = std::accumulate(columns.begin(), columns.end(), Index{0});
  const Index first = std::accumulate(columns.begin(), columns.begin() + p_, Index{0});
  Matrix sum = device_->allocate(5, total);
  Matrix gathered = device_->allocate(5, total);
  Matrix scattered = device_->allocate(5, total);
  Matrix mine = device_->allocate(5, own);
  std::array slots{world_.make_slot(), world_.make_slot(), world_.make_slot()};
  for (int round = 0; round < 10; ++round) {
    fill_part(sum.view(), round);
    fill_part(scattered.view(), round);
    fill_shared_part(gathered.view().block(0, first, 5, own), 5 * first + round);
    const auto before = world_.bytes_reduced();
    slots[0]->start_all_reduce_sum(sum.view());
    slots[1]->start_all_gather_columns(gathered.view(), columns);
    slots[2]->start_reduce_scatter_columns(scattered.view(), columns, mine.view());
    poll_now_and_then(round);
    for (const auto& slot : slots) slot->wait();
    const auto elements = static_cast<std::size_t>(2 * 5 * total);  // a whole sum and two halves of one
    EXPECT_EQ(world_.bytes_reduced() - before,
              ranks_ == 1 ? 0 : static_cast<std::int64_t>(elements * (rounded ? 2 : sizeof(Real))));

    expect_sum_of_parts(sum.view(), round, rounded);
    expect_equal_on_all_ranks(sum.view());
    expect_equal_on_all_ranks(gathered.view());
    for (Index k = 0; k < 5 * total; ++k) {
      const double exact = static_cast<double>(static_cast<Real>(part(0, k + round)));
      const double bound = rounded ? std::ldexp(std::abs(exact), -8) : 0;
      ASSERT_NEAR(static_cast<double>(gathered.view().data[k]), exact, bound);
    }
    if (rounded) {
      for (Index k = 0; k < 5 * total; ++k) {  // one's own columns too: 8 significant bits
        int exponent = 0;
        const double scaled = std::ldexp(std::frexp(gathered.view().data[k], &exponent), 8);
        ASSERT_EQ(scaled, std::round(scaled)) << "element " << k << " is not rounded";
      }
    }
    expect_sum_of_parts(mine.view(), 5 * first + round, rounded);
  }
}

TEST_P(SumsOverRanks, WhatIsGatheredIsTheSameOnAllRanks) {
  const auto columns = ragged_columns(ranks_);
  const Index total = std::accumulate(columns.begin(), columns.end(), Index{0});
  const Index first = std::accumulate(columns.begin(), columns.begin() + p_, Index{0});
  const bool one_node = GetParam().options.sums == Sums::shared && GetParam().ranks_per_node >= ranks_;
  const bool rounded = ranks_ > 1 && GetParam().options.wire == Wire::bfloat16 && !one_node;
  const auto matrix = world_.make_all_gather(*device_, 5 * total);
  for (int round = 0; round < 10; ++round) {
    matrix->begin(5, columns);
    fill_shared_part(matrix->own(), 5 * first + round);
    matrix->start();
    poll_now_and_then(round);
    matrix->wait();
    expect_equal_on_all_ranks(matrix->all());
    for (Index k = 0; k < 5 * total; ++k) {
      const auto exact = static_cast<double>(static_cast<Real>(part(0, k + round)));
      ASSERT_NEAR(matrix->all().data[k], exact, rounded ? std::ldexp(std::abs(exact), -8) : 0) << "element " << k;
    }
    matrix->release();
  }
}

INSTANTIATE_TEST_SUITE_P(Ways, SumsOverRanks, testing::ValuesIn(ways()),
                         [](const auto& way) { return std::string(way.param.name); });

TEST(SharedMemorySums, AreInTheOrderOfRanks) {
  // Sums in any other order would differ in their last bits.
  const Communicator world = testing_support::communicator_of_nodes(all_ranks, {Sums::shared, Wire::bfloat16});
  const auto device = make_cpu_device(1);
  const auto matrix = world.make_all_reduce(*device, 103, 97);
  const auto part = [](int q, Index k) { return static_cast<Real>(std::sin(static_cast<double>(k + 1) * (q + 1))); };
  for (int round = 0; round < 20; ++round) {
    for (Index k = 0; k < 103 * 97; ++k) matrix->view().data[k] = part(world.rank(), k + round);
    matrix->start();
    matrix->wait();
    for (Index k = 0; k < 103 * 97; ++k) {
      Real sum = part(0, k + round);
      for (int q = 1; q < world.size(); ++q) sum += part(q, k + round);
      ASSERT_EQ(matrix->view().data[k], sum) << "element " << k << ", round " << round;
    }
  }
}

TEST(SharedMemorySums, EveryRankIsToldWhereThereIsNoRoom) {
  const Communicator world = testing_support::communicator_of_nodes(2, {Sums::shared, Wire::float32});
  const auto device = make_cpu_device(1);
  if (world.size() == 1) GTEST_SKIP() << "one rank shares nothing";
  try {
    (void)world.make_all_reduce(*device, Index{1} << 24, Index{1} << 24);
    ADD_FAILURE() << "there cannot be so much memory";
  } catch (const AgreedError& error) {
    EXPECT_NE(std::string(error.what()).find("`sums`: found shared"), std::string::npos) << error.what();
    EXPECT_EQ(error.status(), ExitStatus::runtime);
  }
}

}  // namespace
}  // namespace sibp
