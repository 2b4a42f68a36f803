#include "sibp/update/semi_implicit.hpp"

#include "update/proximal_forms.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

class SemiImplicit final : public UpdateRule {
 public:
  SemiImplicit(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options)
      : forms_(context, spec, options, spec.layers.size()),
        lambdas_(spec.layers.size()),
        weights_(spec.layers.size()) {}

  void features_ready(Index layer, ConstMatrixView features) override {
    forms_.features_ready(static_cast<std::size_t>(layer), features);
  }

  void backward(const LayerBackward& layer) override {
    const auto i = static_cast<std::size_t>(layer.layer);
    weights_[i] = layer.weights;
    const ProximalStep step = forms_[i].backward(layer);
    lambdas_[i] = step.lambda;
    if (step.failed_minor != 0) {
      failure_ = fmt::format(
          "layer {}: the Gram matrix + λ I is not positive definite (leading minor {}, λ = {:.3g}); raise --damping or "
          "lower --eta",
          layer.layer + 1, step.failed_minor, step.lambda);
    }
  }

  void finish_step() override {
    for (std::size_t i = forms_.size(); i-- > 0;) forms_[i].finish(weights_[i]);
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state;
    for (std::size_t i = 0; i < forms_.size(); ++i) forms_[i].add_state(state, fmt::format("gram.{}", i));
    return state;
  }

  [[nodiscard]] LambdaRange lambda_range() const override {
    const auto [smallest, largest] = std::minmax_element(lambdas_.begin(), lambdas_.end());
    return {*smallest, *largest};
  }

  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  ProximalForms forms_;
  std::vector<double> lambdas_;
  std::vector<MatrixView> weights_;
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const ProximalOptions& options) {
  return std::make_unique<SemiImplicit>(context, spec, options);
}

}  // namespace sibp
