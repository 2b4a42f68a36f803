#include "sibp/comm/collectives.hpp"

#include "comm/column_blocks.hpp"

#include <utility>
#include <vector>

namespace sibp {
namespace {

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

/// A matrix of the device's own, gathered by the library.
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

void multiply(Device& device, Real alpha, const ColumnSource& source, MatrixView part) {
  if (source.product && alpha != Real(0)) {
    source.product(alpha, part);
    return;
  }
  Real beta = 0;  // the first block overwrites
  const auto add = [&](ConstMatrixView x, ConstMatrixView y) {
    device.gemm(Op::none, Op::transpose, alpha, x, y, beta, part);
    beta = 1;
  };
  if (alpha != Real(0)) source.for_each(std::ref(add));
  if (beta == Real(0)) device.fill(part, 0);
}

void form_triangle(Device& device, const ColumnSource& source, MatrixView a) {
  Real beta = 0;
  const auto add = [&](ConstMatrixView x, ConstMatrixView) {
    device.syrk(Op::none, 1, x, beta, a);
    beta = 1;
  };
  source.for_each(std::ref(add));
  if (beta == Real(0)) device.fill(a, 0);
}

void AllReduce::set_product(Device& device, MatrixView part, Real alpha, const ColumnSource& source) {
  multiply(device, alpha, source, part);
}

void AllReduce::set_triangle(Device& device, MatrixView packed, const ColumnSource& source, MatrixView whole) {
  form_triangle(device, source, whole);
  device.pack_triangle(whole, packed);
}

std::unique_ptr<AllReduce> make_plain_all_reduce(Device& device, std::unique_ptr<CollectiveSlot> slot, Index rows,
                                                 Index cols, Root root) {
  return std::make_unique<PlainAllReduce>(device.allocate(rows, cols), std::move(slot), root);
}

std::unique_ptr<ReduceScatter> make_plain_reduce_scatter(Device& device, std::unique_ptr<CollectiveSlot> slot,
                                                         Index rows, Index cols) {
  return std::make_unique<PlainReduceScatter>(device.allocate(rows, cols), std::move(slot));
}

std::unique_ptr<AllGather> make_plain_all_gather(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                 Index elements) {
  return std::make_unique<PlainAllGather>(device.allocate(elements, 1), std::move(slot), rank);
}

}  // namespace sibp
