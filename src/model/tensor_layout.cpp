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

}  // namespace sibp
