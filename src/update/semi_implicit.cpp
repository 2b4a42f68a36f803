#include "sibp/update/semi_implicit.hpp"

#include "update/normal_form.hpp"

#include <algorithm>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

class SemiImplicit final : public UpdateRule {
 public:
  SemiImplicit(const UpdateContext& context, const NetworkSpec& spec, const Damping& damping, Carry carry)
      : context_(context), carry_(carry), lambdas_(spec.layers.size()) {
    for (const LayerSpec& layer : spec.layers) forms_.emplace_back(context, layer, damping);
  }

  void features_ready(Index layer, ConstMatrixView features) override { form(layer).features_ready(features); }

  void backward(const LayerBackward& layer) override {
    if (carry_ == Carry::old_weights) carry(layer);
    const ProximalStep step = form(layer.layer).update(layer);
    lambdas_[static_cast<std::size_t>(layer.layer)] = step.lambda;
    if (step.failed_minor != 0) {
      failure_ = fmt::format(
          "layer {}: the Gram matrix + λ I is not positive definite (leading minor {} of {}, λ = {:.3g}); "
          "raise --damping or lower --eta",
          layer.layer + 1, step.failed_minor, layer.spec.fan_in(), step.lambda);
    }
    if (carry_ == Carry::new_weights) carry(layer);
  }

  void finish_step() override {}

  [[nodiscard]] LambdaRange lambda_range() const override {
    const auto [smallest, largest] = std::minmax_element(lambdas_.begin(), lambdas_.end());
    return {*smallest, *largest};
  }

  [[nodiscard]] std::optional<std::string> failure() const override { return failure_; }

 private:
  NormalForm& form(Index layer) { return forms_[static_cast<std::size_t>(layer)]; }

  /// D_{i−1} = W_iᵀ S_i   (inputs × M_p)
  void carry(const LayerBackward& layer) {
    if (layer.carried.rows == 0) return;
    const PhaseClock::Scope timed(context_.clock, Phase::backward);
    const ConstMatrixView w = ConstMatrixView(layer.weights).left_cols(layer.spec.inputs);
    context_.device.gemm(Op::transpose, Op::none, 1, w, layer.masked, 0, layer.carried);
  }

  UpdateContext context_;
  Carry carry_;
  std::vector<NormalForm> forms_;
  std::vector<double> lambdas_;
  std::optional<std::string> failure_;
};

}  // namespace

std::unique_ptr<UpdateRule> make_semi_implicit(const UpdateContext& context, const NetworkSpec& spec,
                                               const Damping& damping, Carry carry) {
  return std::make_unique<SemiImplicit>(context, spec, damping, carry);
}

}  // namespace sibp
