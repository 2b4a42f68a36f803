#include "update/shares.hpp"

#include <numeric>
#include <vector>

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Shares, OfATriangleAreNeighboursOfAboutTheSameSize) {
  for (const Index n : {0, 1, 5, 100, 4001}) {
    for (const std::size_t ranks : {1U, 2U, 3U, 7U}) {
      std::vector<Index> columns(ranks);
      Index end = 0;
      for (std::size_t q = 0; q < ranks; ++q) {
        const Share share = share_of_triangle(n, static_cast<int>(q), columns);
        EXPECT_EQ(share.first, end);
        EXPECT_EQ(share.count, columns[q]);
        end = share.end();
        const auto rest = static_cast<double>(n - share.end());
        const auto below = static_cast<double>(n - share.first);
        const double elements = (below * below - rest * rest) / 2;
        // As many as the others, but for a column.
        EXPECT_NEAR(elements, static_cast<double>(n * n) / 2 / static_cast<double>(ranks), static_cast<double>(n) + 1);
      }
      EXPECT_EQ(end, n);
      EXPECT_EQ(std::accumulate(columns.begin(), columns.end(), Index{0}), n);
    }
  }
}

TEST(Shares, OfLinesAreNeighboursOfTheSameSizeButForOne) {
  for (const Index n : {0, 1, 10, 11}) {
    for (const int ranks : {1, 3, 4}) {
      Index end = 0;
      for (const Share& share : even_shares(n, ranks)) {
        EXPECT_EQ(share.first, end);
        EXPECT_TRUE(share.count == n / ranks || share.count == n / ranks + 1);
        end = share.end();
      }
      EXPECT_EQ(end, n);
    }
  }
}

}  // namespace
}  // namespace sibp
