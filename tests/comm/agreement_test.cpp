#include "sibp/comm/agreement.hpp"

#include <new>

#include <gtest/gtest.h>

namespace sibp {
namespace {

class Agreement : public testing::Test {
 protected:
  /// The message and status with which `local` ends on this rank.
  template <class Local>
  std::pair<std::string, ExitStatus> outcome(Local local) {
    try {
      agreed(world_, local);
    } catch (const AgreedError& error) {
      return {error.what(), error.status()};
    }
    return {"", ExitStatus::done};
  }

  Communicator world_ = make_mpi_communicator();
};

TEST_F(Agreement, ResultsPassThrough) {
  EXPECT_EQ(agreed(world_, [&] { return world_.rank() * 2; }), world_.rank() * 2);
  EXPECT_NO_THROW(agreed(world_, [] {}));
}

TEST_F(Agreement, OneFailureIsEveryRanksAndNamesItsRank) {
  for (int failing = 0; failing < world_.size(); ++failing) {
    const auto [message, status] = outcome([&] {
      if (world_.rank() == failing) throw_data_error("no such file");
    });
    const std::string prefix = world_.size() == 1 ? "" : "[rank " + std::to_string(failing) + "] ";
    EXPECT_EQ(message, prefix + "no such file");
    EXPECT_EQ(status, ExitStatus::data);
  }
}

TEST_F(Agreement, AFailureOfAllRanksIsThatOfRankZeroWithoutItsNumber) {
  const auto [message, status] =
      outcome([&] { throw_usage_error(world_.is_root() ? "from the root" : "from another rank"); });
  EXPECT_EQ(message, "from the root");
  EXPECT_EQ(status, ExitStatus::usage);
}

TEST_F(Agreement, ForeignExceptionsAreAgreedOnToo) {
  EXPECT_EQ(outcome([] { throw std::runtime_error("library"); }).first, "library");
  EXPECT_EQ(outcome([] { throw std::bad_alloc(); }).second, ExitStatus::runtime);
}

}  // namespace
}  // namespace sibp
