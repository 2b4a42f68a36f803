#include "comm/node/shared_collectives.hpp"

#include "sibp/core/error.hpp"

#include "comm/column_blocks.hpp"
#include "comm/mpi/calls.hpp"
#include "comm/node/shared_memory.hpp"
#include "device/bfloat16.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>
#include <vector>

namespace sibp {
namespace {

class SharedMatrix final : public AllReduce, private StagedSum {
 public:
  SharedMatrix(std::unique_ptr<SharedMemory> memory, const Nodes& nodes, SumsUnderWay& sums,
               CommunicatorBackend& backend, Index rows, Index cols, const SumRoot& root)
      : memory_(std::move(memory)),
        nodes_(nodes),
        sums_under_way_(sums),
        backend_(backend),
        rows_(rows),
        cols_(cols),
        root_(root),
        given_(progress(0)),
        owned_(progress(1)),
        copied_(progress(2)) {
    std::byte* values = memory_->data() + 3 * RankProgress::bytes(nodes.here.size());
    for (int q = 0; q < nodes.here.size(); ++q, values += bytes_of_rank(rows, cols))
      values_.push_back(reinterpret_cast<Real*>(values));
    if (nodes.owners) over_nodes_ = make_in_place_sum(*nodes.owners);
    backend_.traffic().add_shared(bytes(sizeof(Real)));
    sums_under_way_.enrol();
  }

  ~SharedMatrix() override { backend_.traffic().remove_shared(bytes(sizeof(Real))); }

  static std::size_t bytes_of_node(int ranks, Index rows, Index cols) {
    return 3 * RankProgress::bytes(ranks) + static_cast<std::size_t>(ranks) * bytes_of_rank(rows, cols);
  }

  [[nodiscard]] MatrixView view() override { return {values_[own()], rows_, cols_, std::max<Index>(rows_, 1)}; }

  void start() override {
    require(!under_way(), "a matrix is summed once at a time");
    started_ = MPI_Wtime();
    const bool is_rounded = nodes_.are_several && nodes_.wire == Wire::bfloat16;
    backend_.traffic().add_reduced(bytes(is_rounded ? sizeof(Bfloat16) : sizeof(Real)) / (root_.is_one ? 2 : 1));
    ++sums_;
    stage_ = Stage::given;
    given_.announce(sums_);
    sums_under_way_.begin(*this);
  }

  void wait() override {
    if (!under_way()) return;
    const TimedWait timed(backend_.traffic(), root_.is_one ? Collective::reduce : Collective::all_reduce, started_);
    const auto poll = [this] { backend_.poll(); };
    wait_until([this] { return done(); }, poll);
    if (root_.is_one_of_receivers) copy_shares(poll);
    copied_.announce(sums_);
    copied_.await_all(sums_, poll);  // before anybody writes into it again
    stage_ = Stage::none;
  }

  [[nodiscard]] bool under_way() const override { return stage_ != Stage::none; }

 private:
  enum class Stage {
    none,
    given,  ///< this rank's part is there
    added,  ///< its share is summed over the ranks of its node
    owned,  ///< and over all nodes
  };

  int advance(int allowed) override {
    if (stage_ == Stage::given) {
      if (!given_.all_have_reached(sums_)) return over_nodes_ ? 0 : all;
      add_share();
      if (over_nodes_)
        over_nodes_->set({values_[own()] + first_of(own()), values_[own()] + first_of(own() + 1)}, root_.among_owners);
      stage_ = Stage::added;
    }
    const int started = over_nodes_ ? over_nodes_->advance(allowed) : all;
    if (stage_ == Stage::added && (!over_nodes_ || over_nodes_->done())) {
      owned_.announce(sums_);
      stage_ = Stage::owned;
    }
    return started;
  }
  [[nodiscard]] bool done() const override { return stage_ == Stage::owned; }

  [[nodiscard]] std::size_t own() const { return static_cast<std::size_t>(nodes_.here.rank()); }
  [[nodiscard]] std::size_t shares() const { return static_cast<std::size_t>(nodes_.shares); }
  [[nodiscard]] std::int64_t bytes(std::size_t of_element) const {
    return rows_ * cols_ * static_cast<std::int64_t>(of_element);
  }
  /// The first element of share q; the end of the matrix if q is beyond the last.
  [[nodiscard]] Index first_of(std::size_t q) const {
    return rows_ * cols_ * static_cast<Index>(std::min(q, shares())) / static_cast<Index>(shares());
  }

  /// A matrix in whole cache lines.
  static std::size_t bytes_of_rank(Index rows, Index cols) {
    constexpr std::size_t line = 64;
    return (static_cast<std::size_t>(rows * cols) * sizeof(Real) + line - 1) / line * line;
  }
  [[nodiscard]] RankProgress progress(std::size_t stage) const {
    const int ranks = nodes_.here.size();
    return {memory_->data() + stage * RankProgress::bytes(ranks), nodes_.here.rank(), ranks};
  }

  void add_share() {
    constexpr Index piece = 4096;  // fits the first cache
    std::array<Real, piece> sum;
    const Index end = first_of(own() + 1);
    for (Index first = first_of(own()); first < end; first += piece) {
      const Index n = std::min(piece, end - first);
      std::copy_n(values_[0] + first, n, sum.begin());
      for (std::size_t q = 1; q < values_.size(); ++q) {
        const Real* part = values_[q] + first;
        for (Index k = 0; k < n; ++k) sum[static_cast<std::size_t>(k)] += part[k];
      }
      std::copy_n(sum.begin(), n, values_[own()] + first);
    }
  }

  template <class Poll>
  void copy_shares(const Poll& poll) {
    for (std::size_t q = 0; q < shares(); ++q) {
      if (q == own()) continue;
      owned_.await(static_cast<int>(q), sums_, poll);
      std::copy(values_[q] + first_of(q), values_[q] + first_of(q + 1), values_[own()] + first_of(q));
    }
  }

  std::unique_ptr<SharedMemory> memory_;
  const Nodes& nodes_;
  SumsUnderWay& sums_under_way_;
  CommunicatorBackend& backend_;
  std::unique_ptr<InPlaceSum> over_nodes_;  ///< of this rank's share; none if it owns none or there is one node
  Index rows_;
  Index cols_;
  SumRoot root_;
  RankProgress given_;         ///< sums to which a rank's part is there
  RankProgress owned_;         ///< sums of which its share is that over all ranks
  RankProgress copied_;        ///< sums of which it has the other shares
  std::vector<Real*> values_;  ///< by rank of the node
  std::uint64_t sums_ = 0;     ///< started so far
  Stage stage_ = Stage::none;
  double started_ = 0;  ///< MPI_Wtime
};

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

std::unique_ptr<AllReduce> make_shared_matrix(MPI_Comm ranks, const Nodes& nodes, SumsUnderWay& sums,
                                              CommunicatorBackend& backend, Index rows, Index cols, Root root) {
  auto memory = SharedMemory::make(nodes.here.get(), SharedMatrix::bytes_of_node(nodes.here.size(), rows, cols));
  int everywhere = memory != nullptr ? 1 : 0;
  check(MPI_Allreduce(MPI_IN_PLACE, &everywhere, 1, MPI_INT, MPI_MIN, ranks), "MPI_Allreduce");
  if (everywhere == 0) return nullptr;
  return std::make_unique<SharedMatrix>(std::move(memory), nodes, sums, backend, rows, cols, nodes.find(ranks, root));
}

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
