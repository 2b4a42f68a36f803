// Blocks of elements that ranks send straight to each other, and the formats in which elements travel.
#pragma once

#include "comm/column_blocks.hpp"
#include "comm/mpi/calls.hpp"
#include "device/bfloat16.hpp"

#include <algorithm>
#include <span>
#include <vector>

#include <mpi.h>

namespace sibp {

/// Elements that travel as they are, from and to where they lie.
class Unrounded {
 public:
  using Element = Real;
  /// The library adds them as they are.
  static constexpr bool library_adds = true;

  /// What travels in place of `values`, not yet packed.
  static std::span<Element> room_for(std::span<Real> values) { return values; }
  static std::span<const Element> pack_all(std::span<const Real> values) { return values; }
  static void pack(std::span<const Real>, std::span<Element>) {}
  static void unpack(std::span<const Element>, std::span<Real>) {}
  /// sum[k] ← sum[k] + packed[k].
  static void add(std::span<const Element> packed, std::span<Real> sum) {
    std::ranges::transform(packed, sum, sum.begin(), [](Real x, Real y) { return x + y; });
  }
};

/// Elements that are rounded to bfloat16 to travel.
class Rounded {
 public:
  using Element = Bfloat16;
  /// The library would round sums as well, after each addition.
  static constexpr bool library_adds = false;

  std::span<Element> room_for(std::span<Real> values) {
    rounded_.resize(values.size());
    return rounded_;
  }
  std::span<const Element> pack_all(std::span<const Real> values) {
    rounded_.resize(values.size());
    pack(values, rounded_);
    return rounded_;
  }
  static void pack(std::span<const Real> values, std::span<Element> packed) {
    round_to_bfloat16(values, packed.data());
  }
  static void unpack(std::span<const Element> packed, std::span<Real> values) { from_bfloat16(packed, values.data()); }
  static void add(std::span<const Element> packed, std::span<Real> sum) { add_bfloat16(packed, sum.data()); }

 private:
  std::vector<Element> rounded_;
};

/// Blocks of elements, one per rank, that all ranks send straight to each other: each sends and receives (P − 1)/P of a
/// matrix, at the same time. Open MPI's collectives that do not block go through trees of whole matrices: an all-reduce
/// in place takes log₂ P times as many bytes, one after the other.
template <class Element>
class BlockExchange {
 public:
  /// Between all ranks of a communicator, of which this is `rank`. Local.
  BlockExchange(int rank, int ranks);

  /// Sends block q of `sent` to rank q, on every rank; theirs for this rank are there once the exchange is over. `sent`
  /// stays as it is until then. Exchanges of a communicator start in the same order on all ranks, and end on each by
  /// test() or wait(). Collective; does not wait.
  void start_scatter(std::span<const Element> sent, const ColumnBlocks& blocks, MPI_Comm ranks);
  /// Sends this rank's block of `all` to every rank; theirs come into their places in it. Collective; does not wait.
  void start_gather(std::span<Element> all, const ColumnBlocks& blocks, MPI_Comm ranks);

  /// Whether the blocks are there and this rank's are sent. Local.
  bool test();
  void wait();

  /// Block of rank q that start_scatter() brought; empty for this rank's own.
  [[nodiscard]] std::span<const Element> received(int q) const { return received_.block(std::span(elements_), q); }

 private:
  template <class SentTo, class ReceivedFrom>
  void start(const SentTo& sent_to, const ReceivedFrom& received_from, MPI_Comm ranks);

  int rank_;
  int ranks_;
  ColumnBlocks received_;  ///< nothing from this rank itself
  std::vector<Element> elements_;
  std::vector<MPI_Request> requests_;
};

}  // namespace sibp
