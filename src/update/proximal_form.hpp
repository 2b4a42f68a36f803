#pragma once

#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/explicit_update.hpp"
#include "update/gram_system.hpp"

#include <memory>
#include <span>
#include <string>

namespace sibp {

/// What a form is to do on the way back.
struct FormStep {
  LinearMap& map;
  double eta = 0;
  MatrixView target;      ///< Ŵ, or what else ΔŴ is to be added to, outputs × fan_in
  bool carries = true;    ///< the difference as well, by the map's weights, which are `target` then
  bool measures = false;  ///< fills ProximalStep::move and size; of a form that can
};

/// The samples of a step's batch, by the ranks that hold them.
struct DealtSamples {
  std::span<const Index> per_rank;  ///< M_q
  Index total = 0;                  ///< M
  std::span<const Index> sampled;   ///< of M_q, those of which dense layers form A (ProximalOptions::sample)
};

/// The proximal solve of one layer,
///
///   ΔŴ = argmin_Δ ‖Δ F̂ − R‖² + λ ‖Δ‖²,   R = −η S,
///
/// over the samples of all ranks, by one of the ways of class Form. All functions are Collective. Where the system is
/// not positive definite the weights stay as they are and every collective takes place all the same.
class ProximalForm {
 public:
  ProximalForm(const UpdateContext& context, const ProximalOptions& options);
  ProximalForm(const ProximalForm&) = delete;
  ProximalForm& operator=(const ProximalForm&) = delete;
  virtual ~ProximalForm() = default;

  /// P̂ is known. It and `samples` stay as they are until finish().
  virtual void features_ready(LinearMap& map, const DealtSamples& samples) = 0;
  /// Called at most once between features_ready() and backward(), when the forward pass has got through another layer:
  /// what features_ready() has sent for may be worked on.
  virtual void features_passed() {}
  /// The forward pass is over: what one rank does for all may begin, before the first backward() of any map.
  virtual void forward_done() {}
  /// Solves, adds ΔŴ to the target or starts to, and carries the difference: D_{i−1} = W_iᵀ S_i.
  virtual ProximalStep backward(const FormStep& step) = 0;
  /// Completes what backward() has left under way; `target` is that of FormStep.
  virtual void finish(MatrixView target) = 0;
  /// What the next step depends on beside the weights, under names that start with `prefix`. Local.
  virtual void add_state(UpdateState&, const std::string& /*prefix*/) {}
  /// Makes that equal on all ranks.
  virtual void gather_state() {}

 protected:
  /// D_{i−1} = W_iᵀ S_i with the weights as they are now, if that is wanted.
  void carry_difference(const FormStep& step) {
    if (step.carries) sibp::carry_difference(context_, step.map);
  }
  /// Waits for what is under way in a collective; the time counts as communication.
  template <class Transfer>
  void wait(Transfer& transfer) {
    if (!transfer.under_way()) return;
    const PhaseClock::Scope timed(clock(), Phase::communication);
    transfer.wait();
  }

  /// Where ranks have parts: a matrix that they gather; null otherwise.
  [[nodiscard]] std::unique_ptr<AllGather> all_gather(Index elements) {
    return distributed() ? communicator().make_all_gather(device(), elements) : nullptr;
  }
  /// Starts to gather every rank's `own` columns.
  void start_gather(AllGather& gathered, ConstMatrixView own, std::span<const Index> columns) {
    gathered.begin(own.rows, columns);
    device().copy(own, gathered.own());
    gathered.start();
  }

  /// Ŵ ← Ŵ + ΔŴ once the sum of ΔŴ over ranks is there; nothing if none is under way.
  void add_sum(AllReduce& step, MatrixView weights) {
    if (!step.under_way()) return;
    wait(step);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().axpy(1, step.view(), weights);
  }

  [[nodiscard]] Device& device() { return context_.device; }
  [[nodiscard]] const Communicator& communicator() const { return context_.communicator; }
  /// Whether what this rank has is only a part.
  [[nodiscard]] bool distributed() const { return context_.communicator.makes_sums(); }
  [[nodiscard]] bool carries_new() const { return carry_ == Carry::new_weights; }
  [[nodiscard]] PhaseClock& clock() { return context_.clock; }

 private:
  UpdateContext context_;
  Carry carry_;
};

}  // namespace sibp
