#include "sibp/comm/collectives.hpp"
#include "sibp/comm/communicator.hpp"

#include "comm/nccl/link.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

using cuda::NcclLink;

constexpr ncclDataType_t real_type = sizeof(Real) == sizeof(float) ? ncclFloat32 : ncclFloat64;

std::size_t elements(Index count) {
  return static_cast<std::size_t>(count);
}

class NcclSlot final : public CollectiveSlot {
 public:
  NcclSlot(NcclLink& link, CommunicatorBackend& backend) : link_(link), backend_(backend) {}

  void start_all_reduce_sum(MatrixView matrix) override {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    if (matrix.empty()) return;
    begin(matrix.size(), 2);
    link_.start("ncclAllReduce", [&](ncclComm_t comm, cudaStream_t stream) {
      return ncclAllReduce(matrix.data, matrix.data, elements(matrix.size()), real_type, ncclSum, comm, stream);
    });
    end();
  }

  void start_reduce_sum(MatrixView matrix, int root) override {
    require(matrix.contiguous(), "only a matrix without gaps can be reduced");
    if (matrix.empty()) return;
    begin(matrix.size(), 1);
    link_.start("ncclReduce", [&](ncclComm_t comm, cudaStream_t stream) {
      return ncclReduce(matrix.data, matrix.data, elements(matrix.size()), real_type, ncclSum, root, comm, stream);
    });
    end();
  }

  void start_all_gather_columns(MatrixView gathered, std::span<const Index> columns) override {
    require(gathered.contiguous(), "only a matrix without gaps can be gathered into");
    require_blocks(gathered, columns);
    if (gathered.empty()) return;
    begin(gathered.size(), 1);
    if (is_even(columns)) {
      const Index block = gathered.rows * columns.front();
      link_.start("ncclAllGather", [&](ncclComm_t comm, cudaStream_t stream) {
        return ncclAllGather(gathered.data + block * backend_.rank(), gathered.data, elements(block), real_type, comm,
                             stream);
      });
    } else {
      link_.start_for_each_rank("ncclBroadcast", [&](int q, ncclComm_t comm, cudaStream_t stream) {
        Real* block = gathered.data + offset(gathered.rows, columns, q);
        return ncclBroadcast(block, block, block_size(gathered.rows, columns, q), real_type, q, comm, stream);
      });
    }
    end();
  }

  void start_reduce_scatter_columns(ConstMatrixView matrix, std::span<const Index> columns, MatrixView mine) override {
    require(matrix.contiguous() && mine.contiguous(), "only matrices without gaps can be reduced");
    require_blocks(matrix, columns);
    require(mine.rows == matrix.rows && mine.cols == columns[static_cast<std::size_t>(backend_.rank())],
            "reduce-scatter: shapes do not fit");
    if (matrix.empty()) return;
    begin(matrix.size(), 1);
    if (is_even(columns)) {
      link_.start("ncclReduceScatter", [&](ncclComm_t comm, cudaStream_t stream) {
        return ncclReduceScatter(matrix.data, mine.data, elements(mine.size()), real_type, ncclSum, comm, stream);
      });
    } else {
      link_.start_for_each_rank("ncclReduce", [&](int q, ncclComm_t comm, cudaStream_t stream) {
        return ncclReduce(matrix.data + offset(matrix.rows, columns, q), mine.data, block_size(matrix.rows, columns, q),
                          real_type, ncclSum, q, comm, stream);
      });
    }
    end();
  }

  void wait() override {
    if (!under_way_) return;
    link_.let_device_wait(done_);
    under_way_ = false;
  }

  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  /// The collective begins after what the device was asked for so far. `halves` of an all-reduce are counted.
  void begin(Index size, int halves) {
    require(!under_way_, "a slot takes one collective at a time");
    if (backend_.size() > 1)
      backend_.traffic().add_reduced(size * static_cast<std::int64_t>(sizeof(Real)) * halves / 2);
    link_.wait_for_device();
  }
  void end() {
    link_.mark(done_);
    under_way_ = true;
  }

  void require_blocks(ConstMatrixView matrix, std::span<const Index> columns) const {
    require(std::ssize(columns) == backend_.size(), "one number of columns per rank is needed");
    require(offset(1, columns, backend_.size()) == matrix.cols, "the blocks of the ranks do not make up the matrix");
  }
  static bool is_even(std::span<const Index> columns) {
    return std::ranges::all_of(columns, [&](Index n) { return n == columns.front(); });
  }
  static std::size_t block_size(Index rows, std::span<const Index> columns, int q) {
    return elements(rows * columns[static_cast<std::size_t>(q)]);
  }
  /// Elements before the block of rank q.
  static Index offset(Index rows, std::span<const Index> columns, int q) {
    Index before = 0;
    for (const Index n : columns.first(static_cast<std::size_t>(q))) before += n;
    return rows * before;
  }

  NcclLink& link_;
  CommunicatorBackend& backend_;
  cuda::Event done_ = cuda::make_event();
  bool under_way_ = false;
};

/// Host memory goes by another backend, matrices by NCCL.
class NcclBackend final : public CommunicatorBackend {
 public:
  NcclBackend(std::shared_ptr<CommunicatorBackend> host, Device& device, double patience)
      : host_(std::move(host)), link_(*host_, device, patience) {
    decide(Sums::automatic, "by NCCL");
  }

  [[nodiscard]] int rank() const override { return host_->rank(); }
  [[nodiscard]] int size() const override { return host_->size(); }
  void all_reduce(void* data, Index count, ElementType type, Reduction reduction) override {
    host_->all_reduce(data, count, type, reduction);
  }
  void broadcast(void* data, Index count, ElementType type, int root) override {
    host_->broadcast(data, count, type, root);
  }
  void all_gather(const void* part, Index count, ElementType type, void* gathered) override {
    host_->all_gather(part, count, type, gathered);
  }
  void barrier() override { host_->barrier(); }

  void broadcast_matrix(MatrixView matrix, int root) override {
    link_.wait_for_device();
    link_.start("ncclBroadcast", [&](ncclComm_t comm, cudaStream_t stream) {
      return ncclBroadcast(matrix.data, matrix.data, elements(matrix.size()), real_type, root, comm, stream);
    });
    link_.wait_for_all();
  }
  std::unique_ptr<CollectiveSlot> make_slot() override { return std::make_unique<NcclSlot>(link_, *this); }
  std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root root) override {
    return make_plain_all_reduce(device, make_slot(), rows, cols, root);
  }
  std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) override {
    return make_plain_all_gather(device, make_slot(), rank(), elements);
  }
  void poll() override { link_.poll(); }

 private:
  std::shared_ptr<CommunicatorBackend> host_;
  NcclLink link_;
};

}  // namespace

Communicator make_gpu_communicator(const Communicator& world, Device& device, double patience) {
  return Communicator(std::make_shared<NcclBackend>(world.backend(), device, patience));
}

std::string gpu_communication_library() {
  int version = 0;
  if (ncclGetVersion(&version) != ncclSuccess) return "NCCL";
  return fmt::format("NCCL {}.{}.{}", version / 10000, version % 10000 / 100, version % 100);
}

}  // namespace sibp
