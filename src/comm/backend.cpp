#include "sibp/comm/backend.hpp"

namespace sibp {
namespace {

/// The parts in the device's own memory, scattered by the library.
class PlainReduceScatter final : public ReduceScatter {
 public:
  PlainReduceScatter(Matrix part, std::unique_ptr<CollectiveSlot> slot)
      : part_(std::move(part)), slot_(std::move(slot)) {}

  void set_product(Device& device, Real alpha, const ColumnSource& source) override {
    multiply(device, alpha, source, part_.view());
  }
  void start(std::span<const Index> columns, MatrixView mine) override {
    slot_->start_reduce_scatter_columns(part_.view(), columns, mine);
  }
  void wait() override { slot_->wait(); }
  [[nodiscard]] bool under_way() const override { return slot_->under_way(); }

 private:
  Matrix part_;
  std::unique_ptr<CollectiveSlot> slot_;
};

}  // namespace

std::unique_ptr<ReduceScatter> CommunicatorBackend::make_reduce_scatter(Device& device, Index rows, Index cols) {
  return std::make_unique<PlainReduceScatter>(device.allocate(rows, cols), make_slot());
}

}  // namespace sibp
