#pragma once

#include "sibp/comm/backend.hpp"

#include <memory>
#include <utility>

namespace sibp {

/// A matrix of the device's own, summed by the library.
class DeviceReducible final : public ReducibleMatrix {
 public:
  DeviceReducible(Matrix matrix, std::unique_ptr<CollectiveSlot> slot)
      : matrix_(std::move(matrix)), slot_(std::move(slot)) {}
  [[nodiscard]] MatrixView view() override { return matrix_.view(); }
  void start_sum() override { slot_->start_all_reduce_sum(matrix_.view()); }
  void wait() override { slot_->wait(); }
  [[nodiscard]] bool under_way() const override { return slot_->under_way(); }

 private:
  Matrix matrix_;
  std::unique_ptr<CollectiveSlot> slot_;
};

}  // namespace sibp
