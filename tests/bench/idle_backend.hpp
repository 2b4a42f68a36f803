#pragma once

#include "sibp/comm/communicator.hpp"

#include <algorithm>
#include <numeric>

namespace sibp::bench {

/// Collectives on matrices that do nothing: what they should bring is missing, so results are wrong, but a step does
/// the same work. The ranks must hold the same number of samples, since every rank is told that the others have its
/// own.
class IdleSlot final : public CollectiveSlot {
 public:
  void start_all_reduce_sum(MatrixView) override { under_way_ = true; }
  void start_reduce_sum(MatrixView, int) override { under_way_ = true; }
  void start_all_gather_columns(MatrixView, std::span<const Index>) override { under_way_ = true; }
  void start_reduce_scatter_columns(ConstMatrixView, std::span<const Index>, MatrixView) override { under_way_ = true; }
  void wait() override { under_way_ = false; }
  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  bool under_way_ = false;
};

/// A matrix whose sum over ranks is this rank's part.
class IdleAllReduce final : public AllReduce {
 public:
  explicit IdleAllReduce(Matrix matrix) : matrix_(std::move(matrix)) {}
  [[nodiscard]] MatrixView view() override { return matrix_.view(); }
  void start() override { under_way_ = true; }
  void wait() override { under_way_ = false; }
  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  Matrix matrix_;
  bool under_way_ = false;
};

/// A matrix of which only this rank's columns are there.
class IdleAllGather final : public AllGather {
 public:
  IdleAllGather(Matrix matrix, int rank) : matrix_(std::move(matrix)), rank_(static_cast<std::size_t>(rank)) {}
  void begin(Index rows, std::span<const Index> columns) override {
    all_ = matrix_.reshaped(rows, std::accumulate(columns.begin(), columns.end(), Index{0}));
    const auto own = columns.begin() + static_cast<std::ptrdiff_t>(rank_);
    own_ = all_.block(0, std::accumulate(columns.begin(), own, Index{0}), rows, *own);
  }
  void start() override { under_way_ = true; }
  void wait() override { under_way_ = false; }
  void release() override {}
  [[nodiscard]] MatrixView own() override { return own_; }
  [[nodiscard]] ConstMatrixView all() const override { return all_; }
  [[nodiscard]] bool in_shared_memory() const override { return true; }
  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  Matrix matrix_;
  std::size_t rank_;
  MatrixView all_;
  MatrixView own_;
  bool under_way_ = false;
};

class IdleBackend final : public CommunicatorBackend {
 public:
  IdleBackend(int rank, int size) : rank_(rank), size_(size) {}

  [[nodiscard]] int rank() const override { return rank_; }
  [[nodiscard]] int size() const override { return size_; }
  void all_reduce(void*, Index, ElementType, Reduction) override {}
  void broadcast(void*, Index, ElementType, int) override {}
  void all_gather(const void* part, Index count, ElementType type, void* gathered) override {
    const auto bytes = static_cast<std::size_t>(count) * size_of(type);
    for (int q = 0; q < size_; ++q)
      std::copy_n(static_cast<const char*>(part), bytes,
                  static_cast<char*>(gathered) + static_cast<std::size_t>(q) * bytes);
  }
  void barrier() override {}
  void broadcast_matrix(MatrixView, int) override {}
  std::unique_ptr<CollectiveSlot> make_slot() override { return std::make_unique<IdleSlot>(); }
  std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root) override {
    return std::make_unique<IdleAllReduce>(device.allocate(rows, cols));
  }
  std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) override {
    return std::make_unique<IdleAllGather>(device.allocate(elements, 1), rank_);
  }
  void poll() override {}

 private:
  static std::size_t size_of(ElementType type) {
    switch (type) {
      case ElementType::byte:
        return 1;
      case ElementType::int32:
      case ElementType::float32:
        return 4;
      case ElementType::int64:
      case ElementType::uint64:
      case ElementType::float64:
        return 8;
    }
    return 0;
  }

  int rank_;
  int size_;
};

}  // namespace sibp::bench
