#include "update/gram_reduction.hpp"

namespace sibp {

GramReduction::GramReduction(Device& device, const Communicator& communicator, Index fan_in)
    : device_(device),
      distributed_(communicator.size() > 1),
      gram_(device.allocate(fan_in, fan_in)),
      packed_(communicator.make_reducible(device, distributed_ ? fan_in * (fan_in + 1) / 2 : 0, 1)) {
}

void GramReduction::start(ConstMatrixView features) {
  device_.syrk(Op::none, 1, features, 0, gram_.view());  // A_p = F̂_p F̂_pᵀ   (fan_in × fan_in)
  if (!distributed_) return;
  device_.pack_triangle(gram_.view(), packed_->view());
  packed_->start_sum();
}

MatrixView GramReduction::result() {
  if (distributed_) device_.unpack_triangle(packed_->view(), gram_.view());
  return gram_.view();
}

}  // namespace sibp
