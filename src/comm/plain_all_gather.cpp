#include "comm/plain_all_gather.hpp"

#include "comm/gathered_columns.hpp"

#include <utility>
#include <vector>

namespace sibp {
namespace {

class PlainAllGather final : public AllGather {
 public:
  PlainAllGather(Matrix matrix, std::unique_ptr<CollectiveSlot> slot, int rank)
      : matrix_(std::move(matrix)), slot_(std::move(slot)), place_(rank) {}

  void begin(Index rows, std::span<const Index> columns) override {
    columns_.assign(columns.begin(), columns.end());
    place_.set(rows, columns, matrix_.size());
  }
  void start() override { slot_->start_all_gather_columns(place_.all(matrix_.view().data), columns_); }
  void wait() override { slot_->wait(); }
  void release() override {}
  [[nodiscard]] MatrixView own() override { return place_.own(matrix_.view().data); }
  [[nodiscard]] ConstMatrixView all() const override {
    const ConstMatrixView whole = matrix_.view();
    return place_.all(const_cast<Real*>(whole.data));
  }
  [[nodiscard]] bool in_shared_memory() const override { return false; }
  [[nodiscard]] bool under_way() const override { return slot_->under_way(); }

 private:
  Matrix matrix_;
  std::unique_ptr<CollectiveSlot> slot_;
  GatheredColumns place_;
  std::vector<Index> columns_;
};

}  // namespace

std::unique_ptr<AllGather> make_plain_all_gather(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                 Index elements) {
  return std::make_unique<PlainAllGather>(device.allocate(elements, 1), std::move(slot), rank);
}

}  // namespace sibp
