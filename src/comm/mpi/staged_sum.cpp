#include "comm/mpi/staged_sum.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi/block_exchange.hpp"
#include "comm/mpi/calls.hpp"

#include <algorithm>
#include <cstddef>

namespace sibp {
namespace {

template <class T>
void start_sum(std::span<T> data, MPI_Datatype type, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  int rank = 0;
  check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
  constexpr std::size_t piece = (std::size_t{1} << 22U) / sizeof(T);  // fits the caches: several times faster
  for (std::size_t first = 0; first < data.size(); first += piece) {
    T* const numbers = data.data() + first;
    const auto count = static_cast<int>(std::min(piece, data.size() - first));
    MPI_Request& request = requests.emplace_back();
    if (!root) {
      check(MPI_Iallreduce(MPI_IN_PLACE, numbers, count, type, MPI_SUM, ranks, &request), "MPI_Iallreduce");
    } else if (*root == rank) {
      check(MPI_Ireduce(MPI_IN_PLACE, numbers, count, type, MPI_SUM, *root, ranks, &request), "MPI_Ireduce");
    } else {
      check(MPI_Ireduce(numbers, nullptr, count, type, MPI_SUM, *root, ranks, &request), "MPI_Ireduce");
    }
  }
}

/// One all-reduce.
class LibrarySum final : public InPlaceSum {
 public:
  explicit LibrarySum(const SumChannel& channel) : ranks_(channel.first.get()) {}

  void set(std::span<Real> data, Root root) override {
    data_ = data;
    root_ = root;
    done_ = false;
  }

  int advance(int allowed) override {
    if (done_) return all;
    if (requests_.empty()) {
      if (allowed < 1) return 0;
      start_library_sum(data_, ranks_, root_, requests_);
    }
    int over = 0;
    check(MPI_Testall(checked_int(std::ssize(requests_)), requests_.data(), &over, MPI_STATUSES_IGNORE), "MPI_Testall");
    done_ = over != 0;
    if (done_) requests_.clear();
    return all;
  }

  [[nodiscard]] bool done() const override { return done_; }

 private:
  MPI_Comm ranks_;
  std::span<Real> data_;
  Root root_;
  std::vector<MPI_Request> requests_;
  bool done_ = true;
};

/// Every rank brings its numbers, in a format of the wire, to those who add up their shares; these send the sums to
/// all, or to the root. What they have sent they keep in that format too, so that all ranks have the same bits.
template <class Format>
class ExchangedSum final : public InPlaceSum {
 public:
  explicit ExchangedSum(const SumChannel& channel)
      : channel_(channel), shares_(channel.first.size()), exchange_(channel.first.rank(), channel.first.size()) {}

  void set(std::span<Real> data, Root root) override {
    data_ = data;
    root_ = root;
    shares_.set_equal(static_cast<Index>(data.size()));
    travelling_ = format_.room_for(data_);
    Format::pack(data_, travelling_);
    stage_ = Stage::packed;
  }

  int advance(int allowed) override {
    if (stage_ == Stage::packed && allowed >= 1) {
      exchange_.start_scatter(travelling_, shares_, channel_.first.get());
      stage_ = Stage::exchange;
    }
    if (stage_ == Stage::exchange && exchange_.test()) {
      add_up();
      stage_ = Stage::added;
    }
    if (stage_ == Stage::added && allowed >= 2) {
      start_gather();
      stage_ = Stage::gather;
    }
    if (stage_ == Stage::gather && is_gathered()) {
      Format::unpack(travelling_, data_);
      stage_ = Stage::done;
    }
    return started();
  }

  [[nodiscard]] bool done() const override { return stage_ == Stage::done; }

 private:
  using Element = typename Format::Element;
  enum class Stage { packed, exchange, added, gather, done };

  void add_up() {
    const int rank = channel_.first.rank();
    const std::span<Real> own = shares_.block(data_, rank);
    for (int q = 0; q < channel_.first.size(); ++q) Format::add(exchange_.received(q), own);
    Format::pack(own, shares_.block(travelling_, rank));
  }

  void start_gather() {
    const MPI_Comm ranks = channel_.second.get();
    const int rank = channel_.second.rank();
    if (!root_) return exchange_.start_gather(travelling_, shares_, ranks);
    const std::span<Element> own = shares_.block(travelling_, rank);
    const void* sent = *root_ == rank ? MPI_IN_PLACE : own.data();
    check(MPI_Igatherv(sent, static_cast<int>(own.size()), mpi_element<Element>(), travelling_.data(),
                       shares_.counts.data(), shares_.offsets.data(), mpi_element<Element>(), *root_, ranks, &request_),
          "MPI_Igatherv");
  }

  bool is_gathered() {
    if (!root_) return exchange_.test();
    int over = 0;
    check(MPI_Test(&request_, &over, MPI_STATUS_IGNORE), "MPI_Test");
    return over != 0;
  }

  [[nodiscard]] int started() const {
    if (stage_ == Stage::packed) return 0;
    return stage_ == Stage::gather || stage_ == Stage::done ? all : 1;
  }

  const SumChannel& channel_;
  std::span<Real> data_;
  Root root_;
  Format format_;
  ColumnBlocks shares_;  ///< by the rank that adds up
  std::span<Element> travelling_;
  BlockExchange<Element> exchange_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  Stage stage_ = Stage::done;
};

/// Large matrices that all ranks want are exchanged, which sends the fewest bytes. Small ones, and those for one rank,
/// go by the library, which sends the fewest messages.
class SumBySize final : public InPlaceSum {
 public:
  explicit SumBySize(const SumChannel& channel)
      : least_((least_block / sizeof(Real)) * static_cast<std::size_t>(channel.first.size())),
        by_library_(channel),
        exchanged_(channel) {}

  void set(std::span<Real> data, Root root) override {
    chosen_ = !root && data.size() >= least_ ? static_cast<InPlaceSum*>(&exchanged_) : &by_library_;
    chosen_->set(data, root);
  }
  int advance(int allowed) override { return chosen_->advance(allowed); }
  [[nodiscard]] bool done() const override { return chosen_->done(); }

 private:
  static constexpr std::size_t least_block = 8192;  ///< bytes: a link needs as long for them as for a message to start

  std::size_t least_;  ///< elements
  LibrarySum by_library_;
  ExchangedSum<Unrounded> exchanged_;
  InPlaceSum* chosen_ = &by_library_;
};

}  // namespace

std::unique_ptr<InPlaceSum> make_in_place_sum(const SumChannel& channel) {
  if (channel.wire == Wire::bfloat16) return std::make_unique<ExchangedSum<Rounded>>(channel);
  return std::make_unique<SumBySize>(channel);
}

void start_library_sum(std::span<float> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  start_sum(data, MPI_FLOAT, ranks, root, requests);
}

void start_library_sum(std::span<double> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  start_sum(data, MPI_DOUBLE, ranks, root, requests);
}

}  // namespace sibp
