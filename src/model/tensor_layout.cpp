#include "sibp/model/tensor_layout.hpp"

namespace sibp {

Tensor to_tensor(ConstMatrixView host) {
  Tensor tensor{{host.rows, host.cols}, {}};
  tensor.values.reserve(static_cast<std::size_t>(host.size()));
  for (Index r = 0; r < host.rows; ++r)
    for (Index c = 0; c < host.cols; ++c) tensor.values.push_back(host(r, c));
  return tensor;
}

void from_tensor(const Tensor& tensor, MatrixView host) {
  require(static_cast<Index>(tensor.values.size()) == host.size(), "a tensor has not as many elements as its matrix");
  for (Index r = 0; r < host.rows; ++r)
    for (Index c = 0; c < host.cols; ++c) host(r, c) = tensor.values[static_cast<std::size_t>(r * host.cols + c)];
}

Tensor with_channels_slowest(const Tensor& tensor, const TensorShape& shape) {
  const auto size = static_cast<std::size_t>(shape.size());
  const auto pixels = static_cast<std::size_t>(shape.pixels());
  const auto channels = static_cast<std::size_t>(shape.channels);
  require(size > 0 && tensor.values.size() % size == 0, "a tensor is not made of samples of its shape");
  Tensor result{tensor.shape, std::vector<Real>(tensor.values.size())};
  for (std::size_t first = 0; first < tensor.values.size(); first += size)
    for (std::size_t pixel = 0; pixel < pixels; ++pixel)
      for (std::size_t c = 0; c < channels; ++c)
        result.values[first + c * pixels + pixel] = tensor.values[first + pixel * channels + c];
  return result;
}

}  // namespace sibp
