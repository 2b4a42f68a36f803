#include "sibp/trainer/averaged_weights.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

class AveragingRule final : public UpdateRule {
 public:
  AveragingRule(std::unique_ptr<UpdateRule> rule, AveragedWeights& average)
      : rule_(std::move(rule)), average_(average) {}

  void features_ready(LinearMap& map) override { rule_->features_ready(map); }
  void backward(LinearMap& map, const StepSize& step) override { rule_->backward(map, step); }
  void backward(ScaleMap& scales, const StepSize& step) override { rule_->backward(scales, step); }
  void finish_step() override {
    rule_->finish_step();
    average_.add();
  }

  [[nodiscard]] UpdateState state() override {
    UpdateState state = rule_->state();
    average_.add_state(state);
    return state;
  }
  void gather_state() override { rule_->gather_state(); }
  [[nodiscard]] LambdaRange lambda_range() const override { return rule_->lambda_range(); }
  [[nodiscard]] std::optional<std::string> failure() const override { return rule_->failure(); }

 private:
  std::unique_ptr<UpdateRule> rule_;
  AveragedWeights& average_;
};

}  // namespace

AveragedWeights::AveragedWeights(Device& device, Network& network, double beta)
    : device_(device), network_(network), beta_(beta), spare_(device) {
  Index largest = 0;
  for (const Parameter& parameter : network.parameters) {
    const ConstMatrixView weights = parameter.matrix.view();
    means_.push_back(device.allocate(weights.rows, weights.cols));
    device.copy(weights, means_.back().view());
    largest = std::max(largest, weights.size());
  }
  spare_.of(largest, 1);  // so that no evaluation allocates
}

void AveragedWeights::add() {
  ++steps_;
  const auto t = static_cast<double>(steps_);
  const double beta = std::min(beta_, (1 + t) / (10 + t));
  for (std::size_t k = 0; k < means_.size(); ++k) {
    device_.scale(static_cast<Real>(beta), means_[k].view());
    device_.axpy(static_cast<Real>(1 - beta), network_.parameters[k].matrix.view(), means_[k].view());
  }
}

void AveragedWeights::exchange() {
  for (std::size_t k = 0; k < means_.size(); ++k) {
    const MatrixView weights = network_.parameters[k].matrix.view();
    const MatrixView mean = means_[k].view();
    const MatrixView spare = spare_.of(mean.rows, mean.cols);
    device_.copy(weights, spare);
    device_.copy(mean, weights);
    device_.copy(spare, mean);
  }
}

void AveragedWeights::add_state(UpdateState& state) {
  for (std::size_t k = 0; k < means_.size(); ++k)
    state.matrices.emplace(fmt::format("average.{}", k), means_[k].view());
  state.numbers.emplace("average.steps", steps_);
}

std::unique_ptr<UpdateRule> with_average(std::unique_ptr<UpdateRule> rule, AveragedWeights& average) {
  return std::make_unique<AveragingRule>(std::move(rule), average);
}

}  // namespace sibp
