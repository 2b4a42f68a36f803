#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/tensor_shape.hpp"
#include "sibp/model/safetensors.hpp"

namespace sibp {

/// A matrix in host memory, column-major as all matrices, as a row-major tensor of shape rows × cols. Local.
Tensor to_tensor(ConstMatrixView host);

/// The other way round: `host`, in host memory, takes the elements of a tensor of rows · cols elements, whatever its
/// shape. Local. Throws Error (runtime) if their numbers differ.
void from_tensor(const Tensor& tensor, MatrixView host);

/// Samples of that shape, one after the other, whose channels run fastest, with channels slowest, as other programs
/// have them. The tensor keeps its shape. Local. Throws Error (runtime) if it is not made of such samples.
Tensor with_channels_slowest(const Tensor& tensor, const TensorShape& shape);

}  // namespace sibp
