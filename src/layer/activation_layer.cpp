// relu, leaky-relu, tanh, sigmoid, gelu, identity: F = σ(G), element by element.
#include "layer/activation_export.hpp"
#include "layer/layer_kinds.hpp"
#include "layer/pass_on.hpp"

namespace sibp {
namespace {

class ActivationLayer final : public Layer {
 public:
  ActivationLayer(LayerPlace place, Activation activation) : place_(std::move(place)), activation_(activation) {}

  void forward(Pass) override {
    const MatrixView f = place_.output();
    if (place_.input().data != f.data) place_.device.copy(place_.input(), f);
    place_.device.activate(activation_, f);
  }

  void backward() override {
    const MatrixView d = place_.output_difference();
    const ConstMatrixView known = derivative_needs_input(activation_) ? place_.input() : place_.output();
    place_.device.apply_derivative(activation_, known, d, d);
    pass_on(place_, d, 0);
  }

 private:
  LayerPlace place_;
  Activation activation_;
};

class ActivationSpec final : public LayerSpec {
 public:
  ActivationSpec(const TensorShape& shape, Activation activation) : shape_(shape), activation_(activation) {}

  [[nodiscard]] std::string text() const override { return std::string(name_of(activation_)); }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] bool needs_output() const override { return !derivative_needs_input(activation_); }
  [[nodiscard]] bool works_in_place() const override { return !derivative_needs_input(activation_); }
  [[nodiscard]] bool carries_in_place() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer& layer) const override {
    return activation_to_onnx(activation_, graph, inputs.front(), layer.name);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer&) const override {
    return followed_by({}, activation_);
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<ActivationLayer>(place, activation_);
  }

 private:
  TensorShape shape_;
  Activation activation_;
};

}  // namespace

LayerKind activation_kind(Activation activation) {
  return {name_of(activation), name_of(activation), [activation](LayerArguments&, const TensorShape& input) {
            return std::make_shared<ActivationSpec>(input, activation);
          }};
}

}  // namespace sibp
