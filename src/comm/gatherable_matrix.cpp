#include "comm/gatherable_matrix.hpp"

#include "comm/mpi_check.hpp"
#include "comm/rank_progress.hpp"
#include "comm/shared_memory.hpp"
#include "comm/timed_wait.hpp"

#include <numeric>
#include <vector>

namespace sibp {
namespace {

/// Where the ranks' columns are.
class Columns {
 public:
  explicit Columns(int rank) : rank_(static_cast<std::size_t>(rank)) {}

  void set(Index rows, std::span<const Index> columns, Index room) {
    rows_ = rows;
    first_ = std::accumulate(columns.begin(), columns.begin() + static_cast<std::ptrdiff_t>(rank_), Index{0});
    total_ = std::accumulate(columns.begin(), columns.end(), Index{0});
    own_ = columns[rank_];
    require(rows * total_ <= room, "a gathered matrix is larger than its room");
  }

  [[nodiscard]] MatrixView all(Real* data) const { return {data, rows_, total_, std::max<Index>(rows_, 1)}; }
  [[nodiscard]] MatrixView own(Real* data) const { return all(data).block(0, first_, rows_, own_); }

 private:
  std::size_t rank_;
  Index rows_ = 0;
  Index first_ = 0;
  Index total_ = 0;
  Index own_ = 0;
};

class PlainGatherable final : public GatherableMatrix {
 public:
  PlainGatherable(Matrix matrix, std::unique_ptr<CollectiveSlot> slot, int rank)
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
  Columns place_;
  std::vector<Index> columns_;
};

class SharedGatherable final : public GatherableMatrix {
 public:
  SharedGatherable(std::unique_ptr<SharedMemory> memory, int rank, int ranks, CommunicatorBackend& totals,
                   Index elements)
      : memory_(std::move(memory)),
        given_(memory_->data(), rank, ranks),
        released_(memory_->data() + RankProgress::bytes(ranks), rank, ranks),
        values_(reinterpret_cast<Real*>(memory_->data() + 2 * RankProgress::bytes(ranks))),
        place_(rank),
        totals_(totals),
        elements_(elements) {
    totals_.shared_bytes += bytes();
  }
  ~SharedGatherable() override { totals_.shared_bytes -= bytes(); }

  static std::size_t bytes_of_node(int ranks, Index elements) {
    return 2 * RankProgress::bytes(ranks) + static_cast<std::size_t>(elements) * sizeof(Real);
  }

  void begin(Index rows, std::span<const Index> columns) override {
    place_.set(rows, columns, elements_);
    released_.await_all(rounds_, [this] { totals_.poll(); });
    ++rounds_;
  }
  void start() override {
    started_ = MPI_Wtime();
    under_way_ = true;
    totals_.bytes_reduced += all().size() * static_cast<std::int64_t>(sizeof(Real)) / 2;
    given_.announce(rounds_);
  }
  void wait() override {
    if (!under_way_) return;
    const TimedWait timed(totals_, "gather", started_);
    given_.await_all(rounds_, [this] { totals_.poll(); });
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
  Columns place_;
  CommunicatorBackend& totals_;
  Index elements_;
  std::uint64_t rounds_ = 0;  ///< begun
  bool under_way_ = false;
  double started_ = 0;  ///< MPI_Wtime
};

}  // namespace

std::unique_ptr<GatherableMatrix> make_plain_gatherable(Device& device, std::unique_ptr<CollectiveSlot> slot, int rank,
                                                        Index elements) {
  return std::make_unique<PlainGatherable>(device.allocate(elements, 1), std::move(slot), rank);
}

std::unique_ptr<GatherableMatrix> make_shared_gatherable(MPI_Comm node, CommunicatorBackend& totals, Index elements) {
  int rank = 0;
  int ranks = 0;
  check(MPI_Comm_rank(node, &rank), "MPI_Comm_rank");
  check(MPI_Comm_size(node, &ranks), "MPI_Comm_size");
  auto memory = SharedMemory::make(node, SharedGatherable::bytes_of_node(ranks, elements));
  if (memory == nullptr) return nullptr;
  return std::make_unique<SharedGatherable>(std::move(memory), rank, ranks, totals, elements);
}

}  // namespace sibp
