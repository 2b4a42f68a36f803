#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/model/safetensors.hpp"

namespace sibp {

/// A matrix in host memory, column-major as all matrices, as a row-major tensor of shape rows × cols. Local.
Tensor to_tensor(ConstMatrixView host);

/// The other way round: `host`, in host memory, takes the elements of a tensor of rows · cols elements, whatever its
/// shape. Local. Throws Error (runtime) if their numbers differ.
void from_tensor(const Tensor& tensor, MatrixView host);

}  // namespace sibp
