#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/explicit_update.hpp"

#include <memory>
#include <span>

namespace sibp {

/// What became of one layer's proximal solve.
struct ProximalStep {
  double lambda = 0;
  Index failed_minor = 0;  ///< order of the leading minor that is not positive definite; 0: solved
};

/// The proximal solve of one layer,
///
///   ΔŴ = argmin_Δ ‖Δ F̂ − R‖² + λ ‖Δ‖²,   R = −η S,
///
/// over the samples of all ranks, by one of the ways of enum Form. All functions are Collective. Where the system is
/// not positive definite the weights stay as they are and every collective takes place all the same.
class ProximalForm {
 public:
  ProximalForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options);
  ProximalForm(const ProximalForm&) = delete;
  ProximalForm& operator=(const ProximalForm&) = delete;
  virtual ~ProximalForm() = default;

  /// F̂ (fan_in × M_p) is known; samples_per_rank[q] is M_q. Both stay as they are until finish().
  virtual void features_ready(ConstMatrixView features, std::span<const Index> samples_per_rank) = 0;
  /// Solves, updates the weights or starts to, and carries the difference: D_{i−1} = W_iᵀ S_i.
  virtual ProximalStep backward(const LayerBackward& layer) = 0;
  /// Completes what backward() has left under way.
  virtual void finish(MatrixView weights) = 0;

 protected:
  /// L Lᵀ = gram + λI, with the trace of `gram` that of A (A = F̂ F̂ᵀ and K = F̂ᵀ F̂ have the same).
  ProximalStep factorise(MatrixView gram);
  /// D_{i−1} = W_iᵀ S_i   (inputs × M_p), with the weights as they are now.
  void carry_difference(const LayerBackward& layer) { sibp::carry_difference(context_, layer); }
  /// Waits for what is under way in a slot, a reducible matrix or a Gram reduction; the time counts as communication.
  template <class Transfer>
  void wait(Transfer& transfer) {
    if (!transfer.under_way()) return;
    const PhaseClock::Scope timed(clock(), Phase::communication);
    transfer.wait();
  }

  /// Ŵ ← Ŵ + ΔŴ once the sum of ΔŴ over ranks is there; nothing if none is under way.
  void add_sum(ReducibleMatrix& step, MatrixView weights) {
    if (!step.under_way()) return;
    wait(step);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().axpy(1, step.view(), weights);
  }

  [[nodiscard]] Device& device() { return context_.device; }
  [[nodiscard]] const Communicator& communicator() const { return context_.communicator; }
  [[nodiscard]] bool distributed() const { return context_.communicator.size() > 1; }
  [[nodiscard]] bool carries_new() const { return carry_ == Carry::new_weights; }
  [[nodiscard]] PhaseClock& clock() { return context_.clock; }

 private:
  UpdateContext context_;
  Damping damping_;
  Carry carry_;
  double fan_in_;
};

/// The form that `options` have for layer `index` (from 0). Local. Throws Error (runtime) if they have none.
std::unique_ptr<ProximalForm> make_proximal_form(const UpdateContext& context, const LayerSpec& layer,
                                                 const ProximalOptions& options, std::size_t index);

std::unique_ptr<ProximalForm> make_normal_form(const UpdateContext& context, const LayerSpec& layer,
                                               const ProximalOptions& options);
std::unique_ptr<ProximalForm> make_activations_form(const UpdateContext& context, const LayerSpec& layer,
                                                    const ProximalOptions& options);
/// Form::dual, or Form::dual_reduced if `reduce_update`.
std::unique_ptr<ProximalForm> make_dual_form(const UpdateContext& context, const LayerSpec& layer,
                                             const ProximalOptions& options, bool reduce_update);

}  // namespace sibp
