#include "comm/node/shared_all_gather.hpp"

#include "comm/column_blocks.hpp"
#include "comm/mpi/calls.hpp"
#include "comm/node/rank_progress.hpp"
#include "comm/node/shared_memory.hpp"

#include <cstdint>
#include <utility>

namespace sibp {
namespace {

class SharedAllGather final : public AllGather {
 public:
  SharedAllGather(std::unique_ptr<SharedMemory> memory, int rank, int ranks, CommunicatorBackend& backend,
                  Index elements)
      : memory_(std::move(memory)),
        given_(memory_->data(), rank, ranks),
        released_(memory_->data() + RankProgress::bytes(ranks), rank, ranks),
        values_(reinterpret_cast<Real*>(memory_->data() + 2 * RankProgress::bytes(ranks))),
        place_(rank),
        backend_(backend),
        elements_(elements) {
    backend_.traffic().add_shared(bytes());
  }
  ~SharedAllGather() override { backend_.traffic().remove_shared(bytes()); }

  static std::size_t bytes_of_node(int ranks, Index elements) {
    return 2 * RankProgress::bytes(ranks) + static_cast<std::size_t>(elements) * sizeof(Real);
  }

  void begin(Index rows, std::span<const Index> columns) override {
    place_.set(rows, columns, elements_);
    released_.await_all(rounds_, [this] { backend_.poll(); });
    ++rounds_;
  }
  void start() override {
    started_ = MPI_Wtime();
    under_way_ = true;
    backend_.traffic().add_reduced(all().size() * static_cast<std::int64_t>(sizeof(Real)) / 2);
    given_.announce(rounds_);
  }
  void wait() override {
    if (!under_way_) return;
    const TimedWait timed(backend_.traffic(), Collective::gather, started_);
    given_.await_all(rounds_, [this] { backend_.poll(); });
    under_way_ = false;
  }
  void release() override { released_.announce(rounds_); }
  [[nodiscard]] MatrixView own() override { return place_.own(values_); }
  [[nodiscard]] ConstMatrixView all() const override { return place_.all(values_); }
  [[nodiscard]] bool in_shared_memory() const override { return true; }
  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  [[nodiscard]] std::int64_t bytes() const { return elements_ * static_cast<std::int64_t>(sizeof(Real)); }

  std::unique_ptr<SharedMemory> memory_;
  RankProgress given_;     ///< rounds whose columns are there
  RankProgress released_;  ///< rounds that are read no more
  Real* values_;
  GatheredColumns place_;
  CommunicatorBackend& backend_;
  Index elements_;
  std::uint64_t rounds_ = 0;  ///< begun
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<AllGather> make_shared_all_gather(MPI_Comm node, CommunicatorBackend& backend, Index elements) {
  int rank = 0;
  int ranks = 0;
  check(MPI_Comm_rank(node, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(node, &ranks), "MPI_Comm_size");
  auto memory = SharedMemory::make(node, SharedAllGather::bytes_of_node(ranks, elements));
  if (memory == nullptr) return nullptr;
  return std::make_unique<SharedAllGather>(std::move(memory), rank, ranks, backend, elements);
}

}  // namespace sibp
