#pragma once

#include "sibp/comm/backend.hpp"

#include <memory>
#include <utility>

namespace sibp {

/// A matrix of the device's own, summed by the library, for all ranks or for a root.
class PlainAllReduce final : public AllReduce {
 public:
  PlainAllReduce(Matrix matrix, std::unique_ptr<CollectiveSlot> slot, Root root)
      : matrix_(std::move(matrix)), slot_(std::move(slot)), root_(root) {}
  [[nodiscard]] MatrixView view() override { return matrix_.view(); }
  void start() override {
    root_ ? slot_->start_reduce_sum(matrix_.view(), *root_) : slot_->start_all_reduce_sum(matrix_.view());
  }
  void wait() override { slot_->wait(); }
  [[nodiscard]] bool under_way() const override { return slot_->under_way(); }

 private:
  Matrix matrix_;
  std::unique_ptr<CollectiveSlot> slot_;
  Root root_;
};

}  // namespace sibp
