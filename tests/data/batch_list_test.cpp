// Orders that were written down: dealt to ranks, counted in the files' indices, and refused when they do not fit.
#include "sibp/data/batch_list.hpp"

#include "support/files.hpp"

#include <algorithm>
#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;

std::string int32_bytes(const std::vector<int>& values) {
  std::string bytes;
  for (const int value : values) {
    for (int byte = 0; byte < 4; ++byte) bytes += static_cast<char>(value >> (8 * byte) & 0xff);
  }
  return bytes;
}

class BatchLists : public testing::Test {
 protected:
  BatchLists() {
    for (Index index = 0; index < 300; ++index) {
      if (index % 10 != 7) training_.push_back(index);  // every tenth sample is held out
    }
  }
  BatchList list(const std::vector<int>& values, int rank = 0, int ranks = 1) {
    return {folder_.write("batches.i32", int32_bytes(values)), 3, sharding(rank, ranks), training_, 300};
  }
  [[nodiscard]] Sharding sharding(int rank, int ranks) const {
    return {static_cast<Index>(training_.size()), 8, rank, ranks};
  }

  TemporaryFolder folder_;
  std::vector<Index> training_;
};

TEST_F(BatchLists, RowsAreDealtToTheRanksThatHoldTheSamples) {
  const std::vector<int> rows{0, 299, 258, 12, 12, 12, 256, 1, 0};
  for (int ranks = 1; ranks <= 4; ++ranks) {
    std::vector<std::vector<Index>> found(3);
    for (int rank = 0; rank < ranks; ++rank) {
      BatchList order = list(rows, rank, ranks);
      ASSERT_EQ(order.batches_per_epoch(), 3);
      EXPECT_EQ(order.epochs(), 1);
      const std::vector<Index> local = sharding(rank, ranks).local_samples();
      Index largest = 0;
      for (Index row = 0; row < 3; ++row) {
        EXPECT_EQ(order.global_size(row), 3);
        const auto places = order.local_batch(0, row);
        largest = std::max(largest, static_cast<Index>(places.size()));
        const auto positions = order.local_positions(0, row);
        const auto numbers = order.local_numbers(0, row);
        ASSERT_EQ(positions.size(), places.size());
        for (std::size_t k = 0; k < places.size(); ++k) {
          EXPECT_EQ(numbers[k], local.at(static_cast<std::size_t>(places[k])));
          EXPECT_EQ(training_.at(static_cast<std::size_t>(numbers[k])),
                    rows.at(static_cast<std::size_t>(3 * row + positions[k])));
        }
        for (const Index place : places) {
          const Index sample = local.at(static_cast<std::size_t>(place));
          found[static_cast<std::size_t>(row)].push_back(training_.at(static_cast<std::size_t>(sample)));
        }
      }
      EXPECT_EQ(order.largest_local_size(), largest);
    }
    for (std::size_t row = 0; row < 3; ++row) {
      std::vector<Index> expected(rows.begin() + 3 * static_cast<Index>(row),
                                  rows.begin() + 3 * static_cast<Index>(row) + 3);
      std::ranges::sort(expected);
      std::ranges::sort(found[row]);
      EXPECT_EQ(found[row], expected) << ranks << " ranks, row " << row;
    }
  }
}

TEST_F(BatchLists, WhatDoesNotFitIsRefusedByName) {
  expect_error(ExitStatus::data, {"batches.i32", "row 1", "index 300", "0 to 299"}, [&] {
    list({0, 1, 2, 3, 300, 5});
  });
  expect_error(ExitStatus::data, {"batches.i32", "row 0", "index -1", "0 to 299"}, [&] { list({-1, 1, 2}); });
  expect_error(ExitStatus::data, {"row 0", "index 17", "`validation`"}, [&] { list({0, 17, 2}); });
  expect_error(ExitStatus::data, {"batches.i32", "16 bytes", "12 bytes", "`batch` 3"}, [&] { list({0, 1, 2, 3}); });
  expect_error(ExitStatus::data, {"batches.i32", "found 0 bytes"}, [&] { list({}); });
  expect_error(ExitStatus::data, {"`batch_list`", "absent"},
               [&] { BatchList(folder_.path() / "absent", 3, sharding(0, 1), training_, 300); });
  expect_error(ExitStatus::usage, {"`logical_shards`"}, [&] { list({0, 1, 2}, 0, 9); });
}

}  // namespace
}  // namespace sibp
