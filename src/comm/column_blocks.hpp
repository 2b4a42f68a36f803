// Where the columns of each rank lie in a matrix of all ranks.
#pragma once

#include "sibp/core/error.hpp"
#include "sibp/core/matrix_view.hpp"

#include <algorithm>
#include <cstddef>
#include <numeric>
#include <optional>
#include <span>
#include <vector>

namespace sibp {

/// Which elements of a matrix without gaps belong to which rank: its consecutive blocks, in the order of ranks, as MPI
/// wants them.
struct ColumnBlocks {
  explicit ColumnBlocks(int ranks)
      : counts(static_cast<std::size_t>(ranks)), offsets(static_cast<std::size_t>(ranks)) {}

  /// columns[q] columns of rank q, of a rows × cols matrix.
  void set(Index rows, Index cols, std::span<const Index> columns) {
    require(columns.size() == counts.size(), "one number of columns per rank is needed");
    checked_int(rows * cols);
    Index offset = 0;
    for (std::size_t q = 0; q < counts.size(); ++q) {
      counts[q] = checked_int(rows * columns[q]);
      offsets[q] = checked_int(offset);
      offset += rows * columns[q];
    }
    require(offset == rows * cols, "the blocks of the ranks do not make up the matrix");
  }

  /// `elements` elements in blocks as equal as can be.
  void set_equal(Index elements) {
    checked_int(elements);
    const auto ranks = static_cast<Index>(counts.size());
    for (Index q = 0; q < ranks; ++q) {
      offsets[static_cast<std::size_t>(q)] = static_cast<int>(elements * q / ranks);
      counts[static_cast<std::size_t>(q)] = static_cast<int>(elements * (q + 1) / ranks - elements * q / ranks);
    }
  }

  /// The rank that all elements belong to, if it is one alone.
  [[nodiscard]] std::optional<std::size_t> only_rank() const {
    const auto owns = [](int count) { return count > 0; };
    if (std::ranges::count_if(counts, owns) != 1) return std::nullopt;
    return static_cast<std::size_t>(std::ranges::find_if(counts, owns) - counts.begin());
  }

  /// The part of `all` that is rank q's.
  template <class T>
  std::span<T> block(std::span<T> all, int q) const {
    const auto place = static_cast<std::size_t>(q);
    return all.subspan(static_cast<std::size_t>(offsets[place]), static_cast<std::size_t>(counts[place]));
  }

  std::vector<int> counts;   ///< elements, by rank
  std::vector<int> offsets;  ///< of the first, by rank
};

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
