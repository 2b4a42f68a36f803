#include "sibp/comm/backend.hpp"

namespace sibp {
namespace {

/// The parts in the device's own memory, scattered by the library.
class PlainScatteredSum final : public ScatteredSum {
 public:
  PlainScatteredSum(Matrix part, std::unique_ptr<CollectiveSlot> slot)
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

void ReducibleMatrix::set_product(Device& device, MatrixView part, Real alpha, const ColumnSource& source) {
  multiply(device, alpha, source, part);
}

void ReducibleMatrix::set_triangle(Device& device, MatrixView packed, const ColumnSource& source, MatrixView whole) {
  form_triangle(device, source, whole);
  device.pack_triangle(whole, packed);
}

std::unique_ptr<ScatteredSum> CommunicatorBackend::make_scattered(Device& device, Index rows, Index cols) {
  return std::make_unique<PlainScatteredSum>(device.allocate(rows, cols), make_slot());
}

}  // namespace sibp
