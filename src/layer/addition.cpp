// The sum that ends a residual( … ).
#include "layer/layer_kinds.hpp"
#include "layer/pass_on.hpp"

namespace sibp {
namespace {

class Addition final : public Layer {
 public:
  explicit Addition(LayerPlace place) : place_(std::move(place)) {}

  void forward(Pass) override {
    const MatrixView sum = place_.output();
    if (place_.input(0).data != sum.data) place_.device.copy(place_.input(0), sum);
    place_.device.axpy(1, place_.input(1), sum);
  }

  void backward() override {
    pass_on(place_, place_.output_difference(), 1);
    pass_on(place_, place_.output_difference(), 0);
  }

 private:
  LayerPlace place_;
};

class AdditionSpec final : public LayerSpec {
 public:
  explicit AdditionSpec(const TensorShape& shape) : shape_(shape) {}

  [[nodiscard]] std::string text() const override { return "sum"; }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] bool works_in_place() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer&) const override {
    return graph.add("Add", inputs);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer&) const override {
    return {{.expression = "Sum",
             .definition = "class Sum(nn.ModuleList):\n"
                           "    def forward(self, x):\n"
                           "        return sum(branch(x) for branch in self)\n"}};
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Addition>(place);
  }

 private:
  TensorShape shape_;
};

}  // namespace

std::shared_ptr<const LayerSpec> make_addition(const TensorShape& shape) {
  return std::make_shared<AdditionSpec>(shape);
}

}  // namespace sibp
