#pragma once

#include "sibp/model/network_spec.hpp"

#include <vector>

namespace sibp {

/// Which memory the tensors of a network take, and their differences on the way back. By tensor, as in Node: 0 is the
/// network's input, which lies in an InputBuffer and has no difference.
struct ActivationPlan {
  static constexpr std::size_t none = static_cast<std::size_t>(-1);

  /// Room for one tensor after the other.
  struct Place {
    Index rows = 0;         ///< elements of a sample
    bool has_ones = false;  ///< and a row of ones below them
  };

  std::vector<std::size_t> tensor;      ///< its place in `tensors`; of tensor 0: none
  std::vector<std::size_t> difference;  ///< its place in `differences`; of tensor 0: none
  std::vector<Place> tensors;
  std::vector<Place> differences;
  /// By node and input: whether a difference is there already when the way back reaches the node, so that the node's
  /// has to be added to it.
  std::vector<std::vector<bool>> adds;

  /// Elements of a sample in all places.
  [[nodiscard]] Index elements() const;
};

/// Layers that can work in place do where nobody needs what was there before; differences share memory where they are
/// not needed at the same time. Local.
ActivationPlan plan_activations(const NetworkSpec& spec);

}  // namespace sibp
