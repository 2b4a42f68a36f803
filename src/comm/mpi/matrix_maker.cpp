#include "comm/mpi/matrix_maker.hpp"

#include "sibp/comm/collectives.hpp"
#include "sibp/core/error.hpp"
#include "sibp/device/device.hpp"

#include "comm/mpi/exact_matrix.hpp"
#include "comm/node/shared_collectives.hpp"

#include <algorithm>
#include <array>
#include <string>

#include <fmt/format.h>

namespace sibp {
namespace {

/// The least seconds of a few sums. Collective.
double seconds_of_sum(AllReduce& matrix) {
  double least = 1e300;
  for (int k = 0; k < 4; ++k) {
    const double start = MPI_Wtime();
    matrix.start();
    matrix.wait();
    least = std::min(least, MPI_Wtime() - start);
  }
  return least;
}

constexpr std::string_view by_library = "by the library's collectives";
constexpr std::string_view by_shared_memory = "through memory shared by the ranks of a node";
/// Of the sum that a trial makes, and that there must be room for.
constexpr Index trial_elements = Index{1} << 20;

}  // namespace

std::unique_ptr<AllReduce> MatrixMaker::make_all_reduce(Device& device, Index rows, Index cols, Root root) {
  if (options_.sums == Sums::exact)
    return make_exact_matrix(device.allocate(rows, cols), ranks_, backend_, options_.most_samples, root);
  if (are_shared(device)) {
    if (auto shared = make_shared(rows, cols, root)) return shared;
    refuse_to_turn_to_library(rows * cols * nodes_->most_ranks);
  }
  return make_in_device(device, rows, cols, root);
}

std::unique_ptr<ReduceScatter> MatrixMaker::make_exact_reduce_scatter(Device& device, Index rows, Index cols) {
  return sibp::make_exact_reduce_scatter(device.allocate(rows, cols), ranks_, backend_, options_.most_samples);
}

std::unique_ptr<AllGather> MatrixMaker::make_all_gather(Device& device, Index elements) {
  if (are_shared(device) && !nodes_->are_several) {
    if (auto shared = make_shared_all_gather(nodes_->here.get(), backend_, elements)) return shared;
    refuse_to_turn_to_library(elements);
  }
  return make_plain_all_gather(device, backend_.make_slot(), ranks_.rank(), elements);
}

bool MatrixMaker::are_shared(Device& device) {
  if (ranks_.size() == 1 || options_.sums == Sums::exact) return false;
  if (!nodes_) decide(device);
  return backend_.decision().sums == Sums::shared;
}

void MatrixMaker::refuse_to_turn_to_library(Index elements) const {
  if (options_.sums != Sums::shared) return;
  throw AgreedError(ExitStatus::runtime,
                    fmt::format("`sums`: found shared, but a node has no room for {:.1f} MB of shared memory; give it "
                                "more (df /dev/shm), or use `sums` library",
                                static_cast<double>(elements) * sizeof(Real) / 1e6));
}

void MatrixMaker::decide(Device& device) {
  nodes_.emplace(ranks_.get(), split_into_nodes_, options_.wire);
  const SumsDecision decision = decided(device);
  backend_.decide(decision.sums, decision.in_words);
}

SumsDecision MatrixMaker::decided(Device& device) {
  if (nodes_->most_ranks == 1) return {Sums::library, fmt::format("{}: no node has two ranks", by_library)};
  if (options_.sums == Sums::automatic) return ruled();
  if (options_.sums == Sums::measured) return measured(device);
  return {options_.sums, std::string(options_.sums == Sums::shared ? by_shared_memory : by_library)};
}

SumsDecision MatrixMaker::ruled() {
  const bool has_room = make_shared(trial_elements, 1, {}) != nullptr;
  if (!has_room) return {Sums::library, fmt::format("{}: too little shared memory", by_library)};
  return {Sums::shared, std::string(by_shared_memory)};
}

/// A trial on some megabytes; rank 0's clock decides.
SumsDecision MatrixMaker::measured(Device& device) {
  const auto shared = make_shared(trial_elements, 1, {});
  if (shared == nullptr) return {Sums::library, fmt::format("{}: too little shared memory for a trial", by_library)};
  const Traffic::Uncounted uncounted(backend_.traffic());
  std::array seconds{seconds_of_sum(*make_in_device(device, trial_elements, 1, {})), seconds_of_sum(*shared)};
  backend_.broadcast(seconds.data(), std::ssize(seconds), ElementType::float64, 0);
  const auto [library_rate, shared_rate] =
      std::array{trial_elements * sizeof(Real) / seconds[0] / 1e9, trial_elements * sizeof(Real) / seconds[1] / 1e9};
  const bool is_faster = seconds[1] < seconds[0];
  return {is_faster ? Sums::shared : Sums::library,
          fmt::format("{}, by a trial: {:.1f} GB/s shared, {:.1f} GB/s by the library",
                      is_faster ? by_shared_memory : by_library, shared_rate, library_rate)};
}

std::unique_ptr<AllReduce> MatrixMaker::make_in_device(Device& device, Index rows, Index cols, Root root) {
  return make_plain_all_reduce(device, backend_.make_slot(), rows, cols, root);
}

std::unique_ptr<AllReduce> MatrixMaker::make_shared(Index rows, Index cols, Root root) {
  return make_shared_matrix(ranks_.get(), *nodes_, sums_, backend_, rows, cols, root);
}

}  // namespace sibp
