#pragma once

#include "sibp/comm/fused_sums.hpp"
#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/damped_system.hpp"
#include "update/tally.hpp"

namespace sibp {

/// One layer's system A + λI, A = F̂ F̂ᵀ over all ranks, factorised: of every batch, or, with GramRefresh::every = T > 1,
/// of a running mean over batches that is refreshed every T steps only. This rank's part of A is formed and its sum
/// over ranks started in the forward pass; only the lower triangle is computed, and travels, packed.
class GramSystem {
 public:
  /// `sums` has this layer's packed triangle at `place` where sums are made.
  GramSystem(const UpdateContext& context, const MapShape& map, const SystemOptions& options, FusedSums& sums,
             std::size_t place);

  /// Forms this rank's part of A for a batch of so many samples over all ranks, if A is due. Collective.
  void start(LinearMap& map, Index samples);
  /// Waits for A if it is due, and factorises. Collective.
  ProximalStep factorise();
  /// What the next step depends on where A is a running mean, under names that start with `prefix`. Local.
  void add_state(UpdateState& state, const std::string& prefix);
  /// Whether A is formed anew in this step. Local.
  [[nodiscard]] bool is_due() const { return due_; }
  /// What was added to the diagonal of what was factorised. Local.
  [[nodiscard]] double added() const { return last_.lambda / static_cast<double>(mean_over_); }
  /// L, once factorise() has not failed. Local.
  [[nodiscard]] ConstMatrixView factor() const { return gram_.view(); }
  /// What B = R F̂ᵀ is to be multiplied by: 1, or 1 / M where the mean of F̂ F̂ᵀ over samples stands for A. Local.
  [[nodiscard]] double scale() const { return uses_mean_ ? 1 / static_cast<double>(samples_) : 1; }

 private:
  [[nodiscard]] bool averages() const { return options_.refresh.every > 1; }
  [[nodiscard]] bool distributed() const { return context_.communicator.makes_sums(); }
  void await_sum();
  void add_to_mean();
  ProximalStep factorise_own();
  ProximalStep factorise_mean();

  UpdateContext context_;
  SystemOptions options_;
  FusedSums& sums_;
  std::size_t place_;
  Matrix gram_;              ///< A, then its factor: fan_in × fan_in, lower triangle
  Matrix mean_;              ///< Σ of β-weighted A / M over batches; without elements where A is of every batch
  Index batches_ = 0;        ///< in the mean
  Index steps_ = 0;          ///< started so far
  Index samples_ = 0;        ///< M of this step
  Index sampled_ = 0;        ///< of these, those that A is formed of
  Index mean_samples_ = 0;   ///< M of the step that added to the mean last
  Index mean_over_ = 1;      ///< what was factorised is a mean over so many samples
  bool due_ = true;          ///< A is formed in this step
  bool uses_mean_ = false;   ///< the mean stands for A in this step
  bool has_factor_ = false;  ///< gram_ holds a factor
  ProximalStep last_;
};

/// Adds what a rank does for such a system, formed and factorised in one of T steps. Local.
void add_gram_cost(Tally& tally, const LayerInStep& layer);
/// Elements that it allocates, its packed sum among them. Local.
double gram_elements(const LayerInStep& layer);

}  // namespace sibp
