#include "comm/shared_matrix.hpp"

#include "comm/mpi_check.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <exception>
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
  SharedMatrix(MPI_Win window, MPI_Comm node, CommunicatorBackend& totals, Index rows, Index cols)
      : window_(window), totals_(totals), rows_(rows), cols_(cols) {
    check(MPI_Comm_rank(node, &rank_), "MPI_Comm_rank");
    int size = 0;
    check(MPI_Comm_size(node, &size), "MPI_Comm_size");
    for (int q = 0; q < size; ++q) {
      MPI_Aint bytes = 0;
      int unit = 0;
      void* base = nullptr;
      check(MPI_Win_shared_query(window, q, &bytes, &unit, &base), "MPI_Win_shared_query");
      progress_.push_back(static_cast<Progress*>(base));
      values_.push_back(reinterpret_cast<Real*>(progress_.back() + 1));
    }
    std::fill_n(values_[own()], rows * cols, Real(0));
    *progress_[own()] = {};
    check(MPI_Barrier(node), "MPI_Barrier");
    totals_.shared_bytes += bytes();
  }

  ~SharedMatrix() override {
    totals_.shared_bytes -= bytes();
    // Freeing is collective: a rank that an error is taking down must not wait for the others in it.
    if (std::uncaught_exceptions() == 0) MPI_Win_free(&window_);
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

  MPI_Win window_;
  CommunicatorBackend& totals_;
  Index rows_;
  Index cols_;
  int rank_ = 0;
  std::vector<Progress*> progress_;  ///< by rank of the node, as values_
  std::vector<Real*> values_;
  std::uint64_t sums_ = 0;  ///< started so far
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<ReducibleMatrix> make_shared_matrix(MPI_Comm node, CommunicatorBackend& totals, Index rows,
                                                    Index cols) {
  const auto bytes = static_cast<MPI_Aint>(sizeof(Progress) + static_cast<std::size_t>(rows * cols) * sizeof(Real));
  MPI_Win window = MPI_WIN_NULL;
  void* base = nullptr;
  const int code = MPI_Win_allocate_shared(bytes, 1, MPI_INFO_NULL, node, &base, &window);
  int succeeded = code == MPI_SUCCESS ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &succeeded, 1, MPI_INT, MPI_MIN, node), "MPI_Allreduce");
  if (succeeded == 0) {
    if (code == MPI_SUCCESS) MPI_Win_free(&window);
    return nullptr;
  }
  return std::make_unique<SharedMatrix>(window, node, totals, rows, cols);
}

}  // namespace sibp
