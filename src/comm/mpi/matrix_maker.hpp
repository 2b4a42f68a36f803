#pragma once

#include "sibp/comm/sum_options.hpp"

#include "comm/node/nodes.hpp"

#include <optional>

namespace sibp {

/// Makes the matrices that a backend sums over its ranks or gathers from them, and decides, when the first is asked
/// for, whether they go through memory that ranks share.
class MatrixMaker {
 public:
  /// `backend` makes slots and counts; it outlives this, as `ranks` and `sums` do. Local.
  MatrixMaker(CommunicatorBackend& backend, const MpiComm& ranks, SumsUnderWay& sums, const SumOptions& options,
              SplitIntoNodes split_into_nodes)
      : backend_(backend),
        ranks_(ranks),
        sums_(sums),
        options_(options),
        split_into_nodes_(std::move(split_into_nodes)) {}

  /// A rows × cols matrix of zeros, summed for all ranks or for the root. Collective. Throws AgreedError (runtime) if
  /// shared memory was asked for and there is too little.
  std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root root);
  /// One whose sum is scattered, for Sums::exact. Local.
  std::unique_ptr<ReduceScatter> make_exact_reduce_scatter(Device& device, Index rows, Index cols);
  /// A matrix of at most so many elements; shared if all ranks are on one node. Otherwise the same.
  std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements);

 private:
  /// Whether matrices go through shared memory.
  bool are_shared(Device& device);
  void decide(Device& device);
  SumsDecision decided(Device& device);
  /// What Sums::automatic stands for: a function of the nodes and of whether they have room, and of no clock.
  SumsDecision ruled();
  /// What Sums::measured stands for.
  SumsDecision measured(Device& device);
  std::unique_ptr<AllReduce> make_in_device(Device& device, Index rows, Index cols, Root root);
  std::unique_ptr<AllReduce> make_shared(Index rows, Index cols, Root root);
  /// Throws where shared memory was asked for: there is no room for so many elements.
  void refuse_to_turn_to_library(Index elements) const;

  CommunicatorBackend& backend_;
  const MpiComm& ranks_;
  SumsUnderWay& sums_;
  SumOptions options_;
  SplitIntoNodes split_into_nodes_;
  std::optional<Nodes> nodes_;  ///< once it has been decided
};

}  // namespace sibp
