#pragma once

#include "sibp/core/error.hpp"
#include "sibp/core/matrix_view.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <span>

namespace sibp {

/// Where each rank's columns are in a matrix that all gather.
class GatheredColumns {
 public:
  explicit GatheredColumns(int rank) : rank_(static_cast<std::size_t>(rank)) {}

  void set(Index rows, std::span<const Index> columns, Index room) {
    rows_ = rows;
    first_ = std::accumulate(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(rank_), Index{0});
    total_ = std::accumulate(columns.begin(), columns.end(), Index{0});
    own_ = columns[rank_];
    require(rows * total_ <= room, "a gathered matrix is larger than its room");
  }

  [[nodiscard]] MatrixView all(Real* data) const { return {data, rows_, total_, std::max<Index>(rows_, 1)}; }
  [[nodiscard]] MatrixView own(Real* data) const { return all(data).block(0, first_, rows_, own_); }

 private:
  std::size_t rank_;
  Index rows_ = 0;
  Index first_ = 0;
  Index total_ = 0;
  Index own_ = 0;
};

}  // namespace sibp
