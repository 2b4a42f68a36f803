#include "sibp/update/semi_implicit.hpp"

#include "update/proximal_forms.hpp"
#include "update/reshaped_update.hpp"
#include "update/scale_solve.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

class SemiImplicit final : public UpdateRule {
 public:
  SemiImplicit(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options)
      : context_(context),
        carries_new_(options.carry == Carry::new_weights),
        forms_(context, spec, options, spec.maps.size()),
        scales_(context.device, spec, options),
        lambdas_(spec.maps.size()),
        targets_(spec.maps.size()) {
    if (options.reshapes_update()) reshaped_.emplace(context, spec, options);
  }

  void features_ready(LinearMap& map) override { forms_.features_ready(map); }

  void backward(LinearMap& map, const StepSize& step) override {
    const std::size_t i = map.index();
    if (reshaped_) {
      take(map, reshaped_->backward(forms_[i], map, step));
      return;
    }
    targets_[i] = map.weights();
    take(map, forms_[i].backward({.map = map, .eta = step.eta, .target = targets_[i]}));
  }

  void backward(ScaleMap& scales, const StepSize& step) override {
    if (!carries_new_) carry_difference(context_, scales);
    {
      const PhaseClock::Scope timed(context_.clock, Phase::solve);
      scales_.update(scales, step);
    }
    if (carries_new_) carry_difference(context_, scales);
  }

  void finish_step() override {
    if (reshaped_) return;  // nothing is left under way
    for (std::size_t i = forms_.size(); i-- > 0;) forms_[i].finish(targets_[i]);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state;
    for (std::size_t i = 0; i < forms_.size(); ++i) forms_[i].add_state(state, fmt::format("gram.{}", i));
    if (reshaped_) reshaped_->add_state(state);
    scales_.add_state(state);
    return state;
  }

  [[nodiscard]] LambdaRange lambda_range() const override {
    const auto [smallest, largest] = std::minmax_element(lambdas_.begin(), lambdas_.end());
    return {*smallest, *largest};
  }

  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  /// Takes note of what became of a map's solve.
  void take(const LinearMap& map, const ProximalStep& step) {
    lambdas_[map.index()] = step.lambda;
    if (step.failed_minor == 0) return;
    failure_ = fmt::format(
        "{}: the Gram matrix + λ I is not positive definite (leading minor {}, λ = {:.3g}); raise --damping or lower "
        "--eta",
        map.name(), step.failed_minor, step.lambda);
  }

  UpdateContext context_;
  bool carries_new_;
  ProximalForms forms_;
  ScaleSolve scales_;
  std::optional<ReshapedUpdate> reshaped_;  ///< where ΔŴ is not added as it is
  std::vector<double> lambdas_;
  std::vector<MatrixView> targets_;
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const ProximalOptions& options) {
  return std::make_unique<SemiImplicit>(context, spec, options);
}

}  // namespace sibp
