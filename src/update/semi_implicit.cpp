#include "sibp/update/semi_implicit.hpp"

#include "update/proximal_form.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

class SemiImplicit final : public UpdateRule {
 public:
  SemiImplicit(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options)
      : context_(context),
        lambdas_(spec.layers.size()),
        weights_(spec.layers.size()),
        samples_per_rank_(static_cast<std::size_t>(context.communicator.size())) {
    for (std::size_t i = 0; i < spec.layers.size(); ++i) {
      forms_.push_back(make_proximal_form(context, spec.layers[i], options, i));
    }
  }

  void features_ready(Index layer, ConstMatrixView features) override {
    if (layer == 0) {
      const PhaseClock::Scope timed(context_.clock, Phase::communication);
      context_.communicator.all_gather(features.cols, std::span(samples_per_rank_));
    }
    forms_[static_cast<std::size_t>(layer)]->features_ready(features, samples_per_rank_);
  }

  void backward(const LayerBackward& layer) override {
    const auto i = static_cast<std::size_t>(layer.layer);
    weights_[i] = layer.weights;
    const ProximalStep step = forms_[i]->backward(layer);
    lambdas_[i] = step.lambda;
    if (step.failed_minor != 0) {
      failure_ = fmt::format(
          "layer {}: the Gram matrix + λ I is not positive definite (leading minor {}, λ = {:.3g}); raise --damping or "
          "lower --eta",
          layer.layer + 1, step.failed_minor, step.lambda);
    }
  }

  void finish_step() override {
    for (std::size_t i = forms_.size(); i-- > 0;) forms_[i]->finish(weights_[i]);
  }

  [[nodiscard]] LambdaRange lambda_range() const override {
    const auto [smallest, largest] = std::minmax_element(lambdas_.begin(), lambdas_.end());
    return {*smallest, *largest};
  }

  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  UpdateContext context_;
  std::vector<std::unique_ptr<ProximalForm>> forms_;
  std::vector<double> lambdas_;
  std::vector<MatrixView> weights_;
  std::vector<Index> samples_per_rank_;  ///< M_q of this step
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const ProximalOptions& options) {
  return std::make_unique<SemiImplicit>(context, spec, options);
}

}  // namespace sibp
