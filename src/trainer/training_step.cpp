#include "sibp/trainer/training_step.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/trainer/divergence.hpp"
#include "sibp/trainer/evaluation.hpp"

#include <array>
#include <cmath>
#include <ranges>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr const char* advice =
    "lower the step size (`eta` or `lr`), raise `damping` if the method has it, or use `warmup_steps`";

std::string text_of(const StepPlace& place) {
  return fmt::format("step {}, epoch {}", place.step, place.epoch);
}

/// Adds up the loss over ranks, and agrees on whether the step went well and on what ranks ask for.
StepResult agree_on_step(const UpdateContext& context, const UpdateRule& rule, const LossSums& local,
                         const StepRequests& requests, const StepPlace& place) {
  const auto failure = rule.failure();
  const auto vote = [](bool yes) { return yes ? 1.0 : 0.0; };
  std::array<double, 7> sums{local.loss,
                             static_cast<double>(local.correct),
                             vote(failure.has_value()),
                             vote(requests.stop),
                             vote(requests.checkpoint),
                             vote(requests.end),
                             vote(requests.complete)};
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
  return {{sums[0], static_cast<Index>(sums[1])},
          {sums[3] > 0, sums[4] > 0, sums[5] > 0, sums[6] == context.communicator.size()}};
}

}  // namespace

void throw_diverged(const StepPlace& place) {
  throw AgreedError(ExitStatus::diverged, fmt::format("the loss is not finite at {}; {}", text_of(place), advice));
}

void throw_far_off(const StepPlace& place, double loss, double limit) {
  throw AgreedError(ExitStatus::diverged,
                    fmt::format("the loss is {:.3g} at {}, and stays above {:.3g}, which is {} times that of the first "
                                "step; {}",
                                loss, text_of(place), limit, Divergence::multiple, advice));
}

StepResult training_step(const UpdateContext& context, UpdateRule& rule, Workspace& workspace, const StepSize& size,
                         const StepPlace& place, const std::function<StepRequests()>& requests, double smoothing) {
  Index layer_number = 0;  // for whoever watches
  {
    const PhaseClock::Scope timed(context.clock, Phase::forward);
    for (const auto& layer : workspace.layers()) {
      beat(Activity::step, place.step, ++layer_number);
      if (LinearMap* map = layer->map()) rule.features_ready(*map);
      layer->forward(Pass::training);  // a map: G = Ŵ P̂,  F = σ(G)
    }
    output_loss(context.device, workspace, smoothing);  // D_L = softmax(F_L) − Y
  }
  const PhaseClock::Scope timed(context.clock, Phase::backward);
  for (const auto& layer : workspace.layers() | std::views::reverse) {
    beat(Activity::step, place.step, layer_number--);
    layer->backward();
    // S = D ∘ σ'(G),  Ŵ ← Ŵ + ΔŴ,  D_in += fold(Wᵀ S)
    if (LinearMap* map = layer->map()) rule.backward(*map, size);
    if (ScaleMap* scales = layer->scales()) rule.backward(*scales, size);
  }
  rule.finish_step();
  beat(Activity::step, place.step);
  return agree_on_step(context, rule, context.device.take_loss_sums(), requests ? requests() : StepRequests{}, place);
}

}  // namespace sibp
