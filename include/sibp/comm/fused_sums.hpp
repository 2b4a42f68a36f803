#pragma once

#include "sibp/comm/communicator.hpp"

#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// Sums over ranks of several matrices of a step, each of which is ready at its own time. Small ones travel together:
/// a message below some hundred kilobytes takes as long as an empty one. A message goes when all of its matrices are
/// ready, and they are ready in the order in which they were named.
class FusedSums {
 public:
  struct Shape {
    Index rows = 0;
    Index cols = 0;
  };

  /// Neighbours are put together until a message has `least` elements. With a root the sums are for that rank alone.
  /// Collective.
  FusedSums(Device& device, const Communicator& communicator, std::span<const Shape> shapes,
            Index least = default_least, Root root = {});

  /// The k-th matrix, contiguous. To be left alone from ready(k) until wait(k) has returned. Local.
  [[nodiscard]] MatrixView view(std::size_t k);
  /// view(k) ← alpha X Yᵀ, or the packed lower triangle of X Xᵀ: as the functions of AllReduce. Collective.
  void set_product(std::size_t k, Real alpha, const ColumnSource& source);
  void set_triangle(std::size_t k, const ColumnSource& source, MatrixView whole);
  /// This rank's part of the k-th matrix is there. Collective; k = 0, 1, … in every round of sums.
  void ready(std::size_t k);
  /// Returns when the sum is in view(k). All matrices that travel with it must have been ready. Collective, in the
  /// order of the first matrices of the messages or against it.
  void wait(std::size_t k);
  /// Whether wait(k) has something to wait for. Local.
  [[nodiscard]] bool under_way(std::size_t k) const;
  /// How many messages a round of sums takes. Local.
  [[nodiscard]] std::size_t messages() const { return messages_.size(); }

  static constexpr Index default_least = Index{1} << 16;

 private:
  struct Place {
    std::size_t message;
    Index first;  ///< element of the message
    Shape shape;
    bool is_last;  ///< of the message
  };

  Device& device_;
  std::vector<std::unique_ptr<AllReduce>> messages_;
  std::vector<Place> places_;
};

}  // namespace sibp
