#include "sibp/trainer/training_step.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/trainer/evaluation.hpp"

#include <array>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

std::string text_of(const StepPlace& place) {
  return fmt::format("step {}, epoch {}", place.step, place.epoch);
}

/// Adds up the loss over ranks, and agrees on whether the step went well and on what any rank wishes.
StepResult agree_on_step(const UpdateContext& context, const UpdateRule& rule, const LossSums& local,
                         const Wishes& wishes, const StepPlace& place) {
  const auto failure = rule.failure();
  const auto vote = [](bool yes) { return yes ? 1.0 : 0.0; };
  std::array<double, 6> sums{local.loss,
                             static_cast<double>(local.correct),
                             vote(failure.has_value()),
                             vote(wishes.stop),
                             vote(wishes.checkpoint),
                             vote(wishes.end)};
  {
    const PhaseClock::Scope timed(context.clock, Phase::communication);
    context.communicator.all_reduce_sum(std::span<double>(sums));
  }
  if (!std::isfinite(sums[0])) throw_diverged(place);
  if (sums[2] > 0) {
    agree_on(context.communicator,
             failure ? std::optional(Failure{ExitStatus::diverged, fmt::format("{}: {}", text_of(place), *failure)})
                     : std::nullopt);
  }
  return {{sums[0], static_cast<Index>(sums[1])}, {sums[3] > 0, sums[4] > 0, sums[5] > 0}};
}

}  // namespace

void throw_diverged(const StepPlace& place) {
  throw AgreedError(ExitStatus::diverged,
                    fmt::format("the loss is not finite at {}; lower the step size (--eta or --lr), raise --damping "
                                "if the method has it, or use --warmup-steps",
                                text_of(place)));
}

StepResult training_step(const UpdateContext& context, UpdateRule& rule, Network& network, Workspace& workspace,
                         Index global_batch, double eta, const StepPlace& place,
                         const std::function<Wishes()>& wishes) {
  Device& device = context.device;
  const std::size_t layers = network.weights.size();
  {
    const PhaseClock::Scope timed(context.clock, Phase::forward);
    for (std::size_t i = 1; i <= layers; ++i) {
      beat(Activity::step, place.step, static_cast<Index>(i));
      rule.features_ready(static_cast<Index>(i - 1), workspace.features(i - 1));
      workspace.forward_layer(network, i);  // G_i = Ŵ_i F̂_{i−1},  F_i = σ(G_i)
    }
    output_loss(device, network.spec.loss, workspace, layers);  // D_L = softmax(F_L) − Y
  }
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  for (std::size_t i = layers; i >= 1; --i) {
    const LayerSpec& spec = network.spec.layers[i - 1];
    beat(Activity::step, place.step, static_cast<Index>(i));
    // S_i = D_i ∘ σ'(G_i)
    device.apply_derivative(spec.activation, workspace.activations(i), workspace.difference(i), workspace.masked(i));
    // Ŵ_i ← Ŵ_i + ΔŴ_i,  D_{i−1} = W_iᵀ S_i
    rule.backward({.layer = static_cast<Index>(i - 1),
                   .spec = spec,
                   .global_batch = global_batch,
                   .eta = eta,
                   .features = workspace.features(i - 1),
                   .activations = workspace.activations(i),
                   .difference = workspace.difference(i),
                   .masked = workspace.masked(i),
                   .weights = network.weights[i - 1].view(),
                   .carried = i > 1 ? workspace.difference(i - 1) : MatrixView()});
  }
  rule.finish_step();
  beat(Activity::step, place.step);
  return agree_on_step(context, rule, device.take_loss_sums(), wishes ? wishes() : Wishes{}, place);
}

}  // namespace sibp
