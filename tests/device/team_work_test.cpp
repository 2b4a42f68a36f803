// What threads of the GPU do together, run on the host by teams of threads against the CPU device.
#include "device/team_work.hpp"

#include "sibp/device/device.hpp"

#include "device/channel_work.hpp"
#include "support/naive.hpp"

#include <algorithm>
#include <barrier>
#include <cmath>
#include <functional>
#include <limits>
#include <thread>
#include <vector>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using naive::Dense;

const double tolerance = sizeof(Real) == 4 ? 1e-6 : 1e-14;

/// One member of a team of host threads, which exchange their values in the team's memory.
class Member {
 public:
  struct Team {
    explicit Team(Index size) : numbers(static_cast<std::size_t>(size)), largest(numbers.size()), together(size) {}
    std::vector<double> numbers;
    std::vector<work::Largest> largest;
    std::barrier<> together;
  };

  Member(Team& team, Index rank) : team_(team), rank_(rank) {}
  [[nodiscard]] Index rank() const { return rank_; }
  [[nodiscard]] Index size() const { return std::ssize(team_.numbers); }
  template <class T>
  [[nodiscard]] T sum(T value) const {
    return static_cast<T>(exchange(team_.numbers, static_cast<double>(value), std::plus<>()));
  }
  [[nodiscard]] Index least(Index value) const {
    return static_cast<Index>(
        exchange(team_.numbers, static_cast<double>(value), [](double a, double b) { return std::min(a, b); }));
  }
  [[nodiscard]] work::Largest largest(const work::Largest& value) const {
    return exchange(team_.largest, value, work::larger);
  }

 private:
  template <class T, class Combine>
  T exchange(std::vector<T>& places, const T& value, const Combine& combine) const {
    team_.together.arrive_and_wait();  // the exchange before is over
    places[static_cast<std::size_t>(rank_)] = value;
    team_.together.arrive_and_wait();
    T result = places.front();
    for (std::size_t k = 1; k < places.size(); ++k) result = combine(result, places[k]);
    return result;
  }

  Team& team_;
  Index rank_;
};

/// Runs `body(member)` by every member of a team of `size`, and returns what the first member's returns.
template <class Body>
auto by_team(Index size, const Body& body) {
  Member::Team team(size);
  std::vector<std::thread> others;
  for (Index rank = 1; rank < size; ++rank) others.emplace_back([&, rank] { (void)body(Member(team, rank)); });
  const auto result = body(Member(team, 0));
  for (std::thread& thread : others) thread.join();
  return result;
}

class TeamWork : public testing::TestWithParam<Index> {
 protected:
  /// The sums over columns.
  template <class Work>
  LossSums by_columns(const Work& work, Index cols) {
    LossSums sums;
    for (Index c = 0; c < cols; ++c) {
      const work::SampleLoss sample = by_team(GetParam(), [&](const Member& member) { return work(member, c); });
      sums.loss += sample.loss;
      sums.correct += static_cast<Index>(sample.correct);
    }
    return sums;
  }
  double difference(const Matrix& a, const Matrix& b) {
    return naive::relative_difference(naive::download(*device_, a.view()), naive::download(*device_, b.view()));
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
  Dense outputs_ = naive::random(7, 5, 1);
  std::vector<std::int32_t> labels_{0, 6, 3, 2, 5};
};

INSTANTIATE_TEST_SUITE_P(Sizes, TeamWork, testing::Values(1, 3, 8));

TEST_P(TeamWork, SoftmaxCrossEntropy) {
  outputs_(3, 2) = 5000;  // exp of this alone is infinite
  Matrix f = naive::upload(*device_, outputs_);
  Matrix d = device_->allocate(7, 5);
  Matrix expected = device_->allocate(7, 5);
  for (const double smoothing : {0.0, 0.3}) {
    const LossSums sums = by_columns(work::SoftmaxCrossEntropy{f.view(), labels_.data(), smoothing, d.view()}, 5);
    device_->softmax_cross_entropy(f.view(), {labels_.data(), 5}, smoothing, expected.view());
    const LossSums expected_sums = device_->take_loss_sums();
    EXPECT_LT(difference(d, expected), tolerance);
    EXPECT_NEAR(sums.loss, expected_sums.loss, tolerance * expected_sums.loss);
    EXPECT_EQ(sums.correct, expected_sums.correct);
    EXPECT_GE(sums.correct, 1);
  }
}

TEST_P(TeamWork, SquaredErrorAndSoftmax) {
  Matrix f = naive::upload(*device_, outputs_);
  Matrix d = device_->allocate(7, 5);
  Matrix expected = device_->allocate(7, 5);
  const LossSums sums = by_columns(work::SquaredError{f.view(), labels_.data(), d.view()}, 5);
  device_->squared_error(f.view(), {labels_.data(), 5}, expected.view());
  const LossSums expected_sums = device_->take_loss_sums();
  EXPECT_LT(difference(d, expected), tolerance);
  EXPECT_NEAR(sums.loss, expected_sums.loss, tolerance * expected_sums.loss);
  EXPECT_EQ(sums.correct, expected_sums.correct);
  Matrix p = naive::upload(*device_, outputs_);
  EXPECT_EQ(by_columns(work::Softmax{p.view()}, 5).loss, 0);
  device_->softmax(f.view());
  EXPECT_LT(difference(p, f), tolerance);
}

TEST_P(TeamWork, LossesOfNumbersThatAreNoneAreNone) {
  outputs_(4, 1) = std::numeric_limits<double>::quiet_NaN();
  Matrix f = naive::upload(*device_, outputs_);
  Matrix d = device_->allocate(7, 5);
  EXPECT_TRUE(std::isnan(by_columns(work::SoftmaxCrossEntropy{f.view(), labels_.data(), 0, d.view()}, 5).loss));
  EXPECT_TRUE(std::isnan(by_columns(work::SquaredError{f.view(), labels_.data(), d.view()}, 5).loss));
}

TEST_P(TeamWork, TheLargestIsTheFirstOfEquals) {
  const std::vector<Real> values{1, 4, 4, 2, 4};
  const ConstMatrixView column{values.data(), 5, 1, 5};
  EXPECT_EQ(by_team(GetParam(), [&](const Member& member) { return work::largest_of_column(member, column, 0); }).row,
            1);
}

TEST_P(TeamWork, DampingAndItsLambda) {
  const Dense content = naive::random(9, 9, 4);
  Matrix a = naive::upload(*device_, content);
  Matrix expected = naive::upload(*device_, content);
  double lambda = 0;
  by_team(GetParam(), [&](const Member& member) {
    work::Damp{a.view(), 0.5, 0.25, &lambda}(member);
    return 0;
  });
  EXPECT_NEAR(lambda, device_->damp(expected.view(), 0.5, 0.25), 1e-12);
  EXPECT_LT(difference(a, expected), tolerance);
}

TEST_P(TeamWork, FailedMinorIsThatOfTheLibraryOrOfTheDiagonal) {
  Dense factor(6, 6, 1);
  const auto found = [&](int info) {
    const Matrix a = naive::upload(*device_, factor);
    Index minor = -1;
    by_team(GetParam(), [&](const Member& member) {
      work::FindFailedMinor{a.view(), &info, &minor}(member);
      return 0;
    });
    return minor;
  };
  EXPECT_EQ(found(0), 0);
  EXPECT_EQ(found(4), 4);
  factor(5, 5) = 0;
  factor(2, 2) = std::numeric_limits<double>::quiet_NaN();
  EXPECT_EQ(found(0), 3);
}

TEST_P(TeamWork, SumsOfChannels) {
  constexpr Index channels = 3;
  Matrix x = naive::upload(*device_, naive::random(4 * channels, 5, 1));
  Matrix z = naive::upload(*device_, naive::random(4 * channels, 5, 2));
  const auto by_parts = [&](Index parts) {
    std::vector<double> sums(static_cast<std::size_t>(2 * channels * parts), NAN);
    for (Index part = 0; part < parts; ++part)
      for (Index channel = 0; channel < channels + 2; ++channel)  // the last ones are those of a team without a channel
        by_team(GetParam(), [&](const Member& member) {
          work::ChannelSums{channels, x.view(), z.view(), parts, sums.data()}(member, channel, part);
          return 0;
        });
    return sums;
  };
  std::vector<double> expected(2 * channels * 5);
  device_->channel_sums(channels, x.view(), z.view(), expected);
  const auto of_samples = by_parts(5);
  for (std::size_t k = 0; k < expected.size(); ++k) EXPECT_NEAR(of_samples[k], expected[k], 1e-13);
  expected.resize(2 * channels);
  device_->channel_sums(channels, x.view(), z.view(), expected);
  for (const Index parts : {1, 2, 3}) {
    const auto of_parts = by_parts(parts);
    std::vector<double> sums(2 * channels);
    for (Index r = 0; r < 2 * channels; ++r) work::AddParts{of_parts.data(), parts, 2 * channels, sums.data()}(r, 0);
    for (std::size_t k = 0; k < sums.size(); ++k) EXPECT_NEAR(sums[k], expected[k], 1e-13);
  }
}

TEST_P(TeamWork, TermsOfSums) {
  const Matrix g = naive::upload(*device_, naive::random(3, 4, 1));
  const Matrix h = naive::upload(*device_, naive::random(3, 4, 2));
  const auto sum = [&](const auto& term, Index k) {
    double total = 0;
    for (Index c = 0; c < 4; ++c)
      for (Index r = 0; r < 3; ++r) total += term(r, c, k);
    return total;
  };
  EXPECT_NEAR(sum(work::SquareTerm{g.view()}, 0), device_->sum_of_squares(g.view()), 1e-12);
  EXPECT_NEAR(sum(work::ProductTerm{g.view(), h.view()}, 0), device_->inner_product(g.view(), h.view()), 1e-12);
}

}  // namespace
}  // namespace sibp
