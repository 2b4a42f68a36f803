#include "sibp/layer/input_buffer.hpp"

#include <numeric>

namespace sibp {

Matrix with_row_of_ones(Device& device, Index features, Index capacity) {
  Matrix matrix = device.allocate(features + 1, capacity);
  device.fill(matrix.view().block(features, 0, 1, capacity), 1);
  return matrix;
}

InputBuffer::InputBuffer(Device& device, Index features, Index capacity)
    : inputs_(with_row_of_ones(device, features, capacity)),
      labels_(device.allocate_labels(capacity)),
      places_(static_cast<std::size_t>(capacity)),
      keys_(static_cast<std::size_t>(capacity)) {
  std::iota(places_.begin(), places_.end(), Index{0});
  std::iota(keys_.begin(), keys_.end(), std::uint64_t{0});
}

void InputBuffer::set_samples(Index samples) {
  require(samples >= 0 && samples <= capacity(), "a batch is larger than its workspace");
  samples_ = samples;
}

}  // namespace sibp
