#include "comm/shared_matrix.hpp"

#include "comm/mpi_check.hpp"
#include "comm/shared_memory.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <vector>

#include <sched.h>

namespace sibp {
namespace {

/// How far a rank is, in sums since the start. Each has a cache line of its own.
struct alignas(64) Progress {
  std::uint64_t given = 0;   ///< its part is there
  std::uint64_t added = 0;   ///< its share of the elements is summed
  std::uint64_t copied = 0;  ///< it has the other ranks' shares
};

class SharedMatrix final : public ReducibleMatrix {
 public:
  SharedMatrix(std::unique_ptr<SharedMemory> memory, int rank, int ranks, CommunicatorBackend& totals, Index rows,
               Index cols)
      : memory_(std::move(memory)), totals_(totals), rows_(rows), cols_(cols), rank_(rank) {
    for (int q = 0; q < ranks; ++q) {
      std::byte* part = memory_->data() + static_cast<std::size_t>(q) * bytes_of_rank(rows, cols);
      progress_.push_back(reinterpret_cast<Progress*>(part));  // zeros: nothing is done yet
      values_.push_back(reinterpret_cast<Real*>(part + sizeof(Progress)));
    }
    totals_.shared_bytes += bytes();
  }

  ~SharedMatrix() override { totals_.shared_bytes -= bytes(); }

  /// Room for a rank's progress and matrix, in whole cache lines.
  static std::size_t bytes_of_rank(Index rows, Index cols) {
    const std::size_t lines =
        (static_cast<std::size_t>(rows * cols) * sizeof(Real) + sizeof(Progress) - 1) / sizeof(Progress);
    return (1 + lines) * sizeof(Progress);
  }

  [[nodiscard]] MatrixView view() override { return {values_[own()], rows_, cols_, std::max<Index>(rows_, 1)}; }

  void start_sum() override {
    require(!under_way_, "a matrix is summed once at a time");
    under_way_ = true;
    started_ = MPI_Wtime();
    totals_.bytes_reduced += bytes();
    ++sums_;
    announce(&Progress::given);
  }

  void wait() override {
    if (!under_way_) return;
    totals_.seconds_hidden += MPI_Wtime() - started_;
    await_all(&Progress::given);
    add_share();
    announce(&Progress::added);
    copy_shares();
    announce(&Progress::copied);
    await_all(&Progress::copied);  // before anybody writes into it again
    under_way_ = false;
  }

  [[nodiscard]] bool under_way() const override { return under_way_; }

 private:
  [[nodiscard]] std::size_t own() const { return static_cast<std::size_t>(rank_); }
  [[nodiscard]] Index size() const { return rows_ * cols_; }
  [[nodiscard]] std::int64_t bytes() const { return size() * static_cast<std::int64_t>(sizeof(Real)); }
  /// The first element of rank q's share.
  [[nodiscard]] Index share(std::size_t q) const {
    return size() * static_cast<Index>(q) / static_cast<Index>(values_.size());
  }

  void announce(std::uint64_t Progress::*stage) {
    std::atomic_ref(progress_[own()]->*stage).store(sums_, std::memory_order_release);
  }

  void await(std::size_t q, std::uint64_t Progress::*stage) {
    for (long tries = 0; std::atomic_ref(progress_[q]->*stage).load(std::memory_order_acquire) < sums_; ++tries) {
      if (tries < 1000) continue;
      totals_.poll();  // whatever else is under way
      sched_yield();   // where ranks are more than cores, the one waited for needs this one
    }
  }

  void await_all(std::uint64_t Progress::*stage) {
    for (std::size_t q = 0; q < progress_.size(); ++q) await(q, stage);
  }

  void add_share() {
    constexpr Index piece = 4096;  // fits the first cache
    std::array<Real, piece> sum;
    for (Index first = share(own()); first < share(own() + 1); first += piece) {
      const Index n = std::min(piece, share(own() + 1) - first);
      std::copy_n(values_[0] + first, n, sum.begin());
      for (std::size_t q = 1; q < values_.size(); ++q) {
        const Real* part = values_[q] + first;
        for (Index k = 0; k < n; ++k) sum[static_cast<std::size_t>(k)] += part[k];
      }
      std::copy_n(sum.begin(), n, values_[own()] + first);
    }
  }

  void copy_shares() {
    for (std::size_t q = 0; q < values_.size(); ++q) {
      if (q == own()) continue;
      await(q, &Progress::added);
      std::copy(values_[q] + share(q), values_[q] + share(q + 1), values_[own()] + share(q));
    }
  }

  std::unique_ptr<SharedMemory> memory_;
  CommunicatorBackend& totals_;
  Index rows_;
  Index cols_;
  int rank_;
  std::vector<Progress*> progress_;  ///< by rank of the node, as values_
  std::vector<Real*> values_;
  std::uint64_t sums_ = 0;  ///< started so far
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<ReducibleMatrix> make_shared_matrix(MPI_Comm node, CommunicatorBackend& totals, Index rows,
                                                    Index cols) {
  int rank = 0;
  int ranks = 0;
  check(MPI_Comm_rank(node, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(node, &ranks), "MPI_Comm_size");
  auto memory = SharedMemory::make(node, static_cast<std::size_t>(ranks) * SharedMatrix::bytes_of_rank(rows, cols));
  if (memory == nullptr) return nullptr;
  return std::make_unique<SharedMatrix>(std::move(memory), rank, ranks, totals, rows, cols);
}

}  // namespace sibp
