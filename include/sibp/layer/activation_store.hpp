#pragma once

#include "sibp/device/device.hpp"
#include "sibp/layer/activation_plan.hpp"
#include "sibp/layer/input_buffer.hpp"

#include <vector>

namespace sibp {

/// The tensors of a network and their differences for up to `capacity` local samples, allocated once and used for
/// batches of any size up to that. Local.
class ActivationStore {
 public:
  ActivationStore(Device& device, const NetworkSpec& spec, Index capacity);

  [[nodiscard]] Index capacity() const { return inputs_.capacity(); }
  [[nodiscard]] Index samples() const { return inputs_.samples(); }
  /// Tensor 0, the labels, and who the samples are.
  [[nodiscard]] InputBuffer& inputs() { return inputs_; }
  [[nodiscard]] const TensorShape& shape(std::size_t tensor) const { return shapes_.at(tensor); }

  /// The tensor of this number, size × M_p.
  [[nodiscard]] MatrixView tensor(std::size_t number);
  /// The same with a row of ones below, for the layers that read it so.
  [[nodiscard]] MatrixView with_ones(std::size_t number);
  /// Its difference, size × M_p without gaps; number > 0.
  [[nodiscard]] MatrixView difference(std::size_t number);
  /// Whether the difference of input `k` of a node holds something already.
  [[nodiscard]] bool adds(std::size_t node, std::size_t k) const { return plan_.adds.at(node).at(k); }

 private:
  ActivationPlan plan_;
  std::vector<TensorShape> shapes_;  ///< by tensor
  InputBuffer inputs_;
  std::vector<Matrix> tensors_;      ///< by place
  std::vector<Matrix> differences_;  ///< by place
};

}  // namespace sibp
