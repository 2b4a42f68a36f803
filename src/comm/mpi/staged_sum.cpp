#include "comm/mpi/staged_sum.hpp"

#include "sibp/core/error.hpp"

#include "comm/mpi/bfloat16_exchange.hpp"
#include "comm/mpi/check.hpp"
#include "comm/mpi/library_sum.hpp"

#include <algorithm>

namespace sibp {
namespace {

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

/// Every rank brings its numbers, rounded, to those who add up their shares; these round the sums and send them to all,
/// or to the root. They too keep what they have sent, so that all ranks have the same bits.
class Bfloat16Sum final : public InPlaceSum {
 public:
  explicit Bfloat16Sum(const SumChannel& channel)
      : channel_(channel), shares_(channel.first.size()), exchange_(channel.first.rank(), channel.first.size()) {}

  void set(std::span<Real> data, Root root) override {
    data_ = data;
    root_ = root;
    shares_.set_equal(static_cast<Index>(data.size()));
    rounded_.resize(data.size());
    round_to_bfloat16(data_, rounded_.data());
    stage_ = Stage::rounded;
  }

  int advance(int allowed) override {
    if (stage_ == Stage::rounded && allowed >= 1) {
      exchange_.start(rounded_, shares_, channel_.first.get());
      stage_ = Stage::exchange;
    }
    if (stage_ == Stage::exchange && exchange_.test()) {
      const std::span<Real> own = shares_.block(data_, channel_.first.rank());
      exchange_.add_to(own);
      round_to_bfloat16(own, shares_.block(std::span(rounded_), channel_.first.rank()).data());
      stage_ = Stage::added;
    }
    if (stage_ == Stage::added && allowed >= 2) {
      start_gather();
      stage_ = Stage::gather;
    }
    if (stage_ == Stage::gather) {
      int over = 0;
      check(MPI_Test(&request_, &over, MPI_STATUS_IGNORE), "MPI_Test");
      if (over != 0) {
        from_bfloat16(rounded_, data_.data());
        stage_ = Stage::done;
      }
    }
    return started();
  }

  [[nodiscard]] bool done() const override { return stage_ == Stage::done; }

 private:
  enum class Stage { rounded, exchange, added, gather, done };

  void start_gather() {
    const MPI_Comm ranks = channel_.second.get();
    const int rank = channel_.second.rank();
    if (!root_) {
      check(MPI_Iallgatherv(MPI_IN_PLACE, 0, MPI_DATATYPE_NULL, rounded_.data(), shares_.counts.data(),
                            shares_.offsets.data(), MPI_UINT16_T, ranks, &request_),
            "MPI_Iallgatherv");
      return;
    }
    const std::span<Bfloat16> own = shares_.block(std::span(rounded_), rank);
    const void* sent = *root_ == rank ? MPI_IN_PLACE : own.data();
    check(MPI_Igatherv(sent, static_cast<int>(own.size()), MPI_UINT16_T, rounded_.data(), shares_.counts.data(),
                       shares_.offsets.data(), MPI_UINT16_T, *root_, ranks, &request_),
          "MPI_Igatherv");
  }

  [[nodiscard]] int started() const {
    if (stage_ == Stage::rounded) return 0;
    return stage_ == Stage::gather || stage_ == Stage::done ? all : 1;
  }

  const SumChannel& channel_;
  std::span<Real> data_;
  Root root_;
  ColumnBlocks shares_;  ///< by the rank that adds up
  std::vector<Bfloat16> rounded_;
  Bfloat16Exchange exchange_;
  MPI_Request request_ = MPI_REQUEST_NULL;
  Stage stage_ = Stage::done;
};

}  // namespace

std::unique_ptr<InPlaceSum> make_in_place_sum(const SumChannel& channel) {
  if (channel.wire == Wire::bfloat16) return std::make_unique<Bfloat16Sum>(channel);
  return std::make_unique<LibrarySum>(channel);
}

}  // namespace sibp
