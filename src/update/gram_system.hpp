#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/damped_system.hpp"
#include "update/gram_sums.hpp"
#include "update/tally.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// One layer's system A + λI, A = F̂ F̂ᵀ over all ranks, factorised: of every batch, or, with GramRefresh::every = T > 1,
/// of a running mean over batches that is refreshed every T steps only, or lags. This rank's part of A is formed and
/// its sum over ranks started in the forward pass; only the lower triangle is computed, and travels, packed. With an
/// owner (SystemPlace) A goes to that rank alone, which factorises and sends the factor.
class GramSystem {
 public:
  /// A is n × n; its packed triangle travels at `place` where sums are made.
  GramSystem(const UpdateContext& context, Index n, const SystemOptions& options, const GramPlace& place);

  /// Forms this rank's part of A = P̂ P̂ᵀ for a batch of so many samples over all ranks, if A is due. Collective.
  void start(LinearMap& map, Index samples);
  /// The same of X Xᵀ of other columns, of as many samples as `options` say.
  void start(const ColumnSource& columns, Index samples);
  /// Has the owner factorise, and starts to send its factor: to be called for all systems before the first factorise(),
  /// so that owners work at the same time. Nothing where there is no owner. Collective.
  void prepare();
  /// Waits for A if it is due, and factorises, or waits for the owner's factor: with a lag of what was known before it.
  /// Collective.
  ProximalStep factorise();
  /// What the next step depends on where A is a running mean, under names that start with `prefix`. Local.
  void add_state(UpdateState& state, const std::string& prefix);
  /// Gives all ranks what the owner alone has of that. Collective.
  void gather_state();
  /// Whether the factor of this step is not that of the one before. Local.
  [[nodiscard]] bool is_new() const { return lags() && uses_mean_ ? was_due_ : due_; }
  /// What was added to the diagonal of what was factorised. Local.
  [[nodiscard]] double added() const { return last_.lambda / static_cast<double>(mean_over_); }
  /// L, once factorise() has not failed; on other ranks than the owner only if that sends it. Local.
  [[nodiscard]] ConstMatrixView factor() const { return gram_.view(); }
  /// What B = R F̂ᵀ is to be multiplied by: 1, or 1 / M where the mean of F̂ F̂ᵀ over samples stands for A. Local.
  [[nodiscard]] double scale() const { return uses_mean_ ? 1 / static_cast<double>(samples_) : 1; }

 private:
  [[nodiscard]] bool averages() const { return options_.refresh.keeps_mean(); }
  [[nodiscard]] bool lags() const { return options_.refresh.lags; }
  /// Whether A is formed in this step, counted from 0.
  [[nodiscard]] bool is_due(Index step) const;
  /// Another step begins.
  void begin(Index samples);
  void form(const ColumnSource& columns);
  /// Whether this rank gets A and factorises it.
  [[nodiscard]] bool factorises() const {
    return !place_.owner.owner || *place_.owner.owner == context_.communicator.rank();
  }
  [[nodiscard]] bool sends_factor() const { return place_.owner.owner && !place_.owner.owner_solves; }
  /// Where A is formed: beside the factor where that is still needed.
  [[nodiscard]] MatrixView batch() { return lags() ? batch_.view() : gram_.view(); }
  /// Waits for A, and adds it to the mean if there is one.
  void take_batch();
  /// The factor that this step uses, if it has none yet; on its way to those who do not make it.
  void make_factor();
  void make_factor_of(bool mean);
  void send_factor();
  void receive_factor();
  [[nodiscard]] bool distributed() const { return context_.communicator.makes_sums(); }
  void await_sum();
  void add_to_mean();
  ProximalStep factorise_own();
  ProximalStep factorise_mean();

  UpdateContext context_;
  SystemOptions options_;
  GramPlace place_;
  Matrix gram_;   ///< A, then its factor: fan_in × fan_in, lower triangle
  Matrix batch_;  ///< A, with a lag; without elements otherwise
  Matrix mean_;   ///< Σ of β-weighted A / M over batches; without elements where A is of every batch
  std::unique_ptr<AllGather> sent_;  ///< the owner's factor, packed; null where none is sent
  std::vector<Index> senders_;       ///< columns of sent_, by rank
  Index batches_ = 0;                ///< in the mean
  Index steps_ = 0;                  ///< started so far
  Index samples_ = 0;                ///< M of this step
  Index sampled_ = 0;                ///< of these, those that A is formed of
  Index mean_samples_ = 0;           ///< M of the step that added to the mean last
  Index mean_over_ = 1;              ///< what was factorised is a mean over so many samples
  bool due_ = true;                  ///< A is formed in this step
  bool was_due_ = true;              ///< and in the one before
  bool uses_mean_ = false;           ///< the mean stands for A in this step
  bool has_factor_ = false;          ///< gram_ holds a factor, here or at the owner
  bool is_made_ = false;             ///< make_factor() was called in this step
  bool is_sent_ = false;             ///< and what came of it is on its way
  ProximalStep last_;
};

/// Adds what a rank does for such a system of a map, formed and factorised in one of T steps. Local.
void add_gram_cost(Tally& tally, const LayerInStep& layer);
/// Elements that an n × n system of a map allocates, its packed sum among them. Local.
double gram_elements(Index n, const LayerInStep& layer);

}  // namespace sibp
