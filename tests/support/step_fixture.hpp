#pragma once

// A small network and batch, dealt to the ranks of a test, and one library step on them.

#include "sibp/comm/communicator.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/semi_implicit.hpp"

#include "support/naive.hpp"
#include "support/networks.hpp"
#include "support/test_device.hpp"

#include <algorithm>
#include <functional>
#include <memory>
#include <type_traits>
#include <vector>

namespace sibp::testing_support {

struct ToyBatch {
  naive::Dense inputs;               ///< features × M
  std::vector<std::int32_t> labels;  ///< M
};

inline ToyBatch toy_batch(Index features, Index classes, Index samples, std::uint64_t seed) {
  ToyBatch batch{naive::random(features, samples, seed), {}};
  for (Index j = 0; j < samples; ++j) batch.labels.push_back(static_cast<std::int32_t>((j * 7 + 3) % classes));
  return batch;
}

inline std::vector<naive::Dense> toy_weights(const NetworkSpec& spec, std::uint64_t seed) {
  std::vector<naive::Dense> weights;
  for (const MapShape& layer : spec.maps) {
    weights.push_back(naive::random(layer.outputs, layer.fan_in(), seed++));
    for (double& value : weights.back().values)
      value = static_cast<float>(value / std::sqrt(static_cast<double>(layer.inputs)));
  }
  return weights;
}

/// γ around 1, where it is learnt, and β around 0.
inline std::vector<naive::Dense> toy_scales(const NetworkSpec& spec, std::uint64_t seed) {
  std::vector<naive::Dense> scales;
  for (const auto& [channels, columns] : spec.scales()) {
    scales.push_back(naive::random(channels, columns, seed++));
    for (double& value : scales.back().values) value *= 0.25;
    for (Index c = 0; c < channels && columns == 2; ++c) scales.back()(c, 0) += 1;
  }
  return scales;
}

/// Of values about 1 after a few steps. Where only float is built, for sanitizers, it tells little of arithmetic.
inline constexpr double rounding = std::is_same_v<Real, double> ? 1e-9 : 1e-3;

/// ‖a − expected‖ / ‖expected − start‖: an error relative to the change, which what never changes would not pass.
inline double change_error(const naive::Dense& a, const naive::Dense& expected, const naive::Dense& start) {
  naive::Dense done = a;
  naive::Dense wanted = expected;
  for (std::size_t k = 0; k < start.values.size(); ++k) {
    done.values[k] -= start.values[k];
    wanted.values[k] -= start.values[k];
  }
  return naive::relative_difference(done, wanted);
}

/// The rank of `ranks` that holds sample `j` of a batch.
using Deal = int (*)(Index j, int ranks);

inline int in_turn(Index j, int ranks) {
  return static_cast<int>(j % ranks);
}
/// The first ranks hold 3 samples each, as long as there are some, the last one all that are left.
inline int threes(Index j, int ranks) {
  return static_cast<int>(std::min<Index>(j / 3, ranks - 1));
}
/// One rank holds all.
inline int all_to_last(Index, int ranks) {
  return ranks - 1;
}

/// A rank's network and workspace.
class RankOfStep {
 public:
  using MakeRule = std::function<std::unique_ptr<UpdateRule>(const UpdateContext&, const NetworkSpec&)>;

  RankOfStep(const Communicator& communicator, const NetworkSpec& spec, const std::vector<naive::Dense>& weights,
             Index capacity, const MakeRule& make_rule, std::unique_ptr<Device> device = make_test_device())
      : device_(std::move(device)),
        context_{*device_, on_device(communicator), clock_},
        network_(network_with(*device_, spec, weights)),
        workspace_(*device_, context_.communicator, network_, capacity),
        rule_(make_rule(context_, spec)) {}

  LossSums step(const ToyBatch& batch, double eta) {
    load(batch);
    return repeat(batch.inputs.cols, eta);
  }

  /// Puts this rank's samples of a batch into its workspace.
  void load(const ToyBatch& batch, Deal deal = in_turn) {
    std::vector<Real> inputs;
    std::vector<std::int32_t> labels;
    std::vector<Index> places;
    for (Index j = 0; j < batch.inputs.cols; ++j) {
      if (deal(j, context_.communicator.size()) != context_.communicator.rank()) continue;
      for (Index r = 0; r < batch.inputs.rows; ++r) inputs.push_back(static_cast<Real>(batch.inputs(r, j)));
      labels.push_back(batch.labels[static_cast<std::size_t>(j)]);
      places.push_back(j);
    }
    workspace_.set_samples(static_cast<Index>(labels.size()));
    std::ranges::copy(places, workspace_.inputs().places().begin());
    std::ranges::copy(places, workspace_.inputs().keys().begin());
    device_->upload(inputs, workspace_.inputs().values());
    device_->upload_labels(labels, workspace_.labels());
  }

  /// Another step on the batch that is there.
  LossSums repeat(Index global_batch, double eta, double share = 1) {
    return training_step(context_, *rule_, workspace_, {global_batch, eta, share}, {}).sums;
  }

  std::vector<naive::Dense> weights() { return weights_of(*device_, network_); }
  Network& network() { return network_; }
  Workspace& workspace() { return workspace_; }
  Device& device() { return *device_; }
  UpdateRule& rule() { return *rule_; }

 private:
  /// The ranks of `communicator`, for matrices in the device's memory.
  [[nodiscard]] Communicator on_device(const Communicator& communicator) {
    return device_->free_memory() ? make_gpu_communicator(communicator, *device_, 60) : communicator;
  }

  std::unique_ptr<Device> device_;
  PhaseClock clock_;
  UpdateContext context_;
  Network network_;
  Workspace workspace_;
  std::unique_ptr<UpdateRule> rule_;
};

}  // namespace sibp::testing_support
