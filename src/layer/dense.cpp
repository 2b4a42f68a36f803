// dense(outputs[,activation]): F = σ(Ŵ [X; 1ᵀ]), a column a sample.
#include "sibp/model/tensor_layout.hpp"

#include "layer/activation_export.hpp"
#include "layer/layer_kinds.hpp"
#include "layer/map_layer.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

class Dense final : public MapLayer, public WholeMatrices {
 public:
  using MapLayer::MapLayer;

  void forward(Pass) override {
    const MatrixView f = place().output();
    place().device.gemm(Op::none, Op::none, 1, weights(), whole_inputs(), 0, f);  // G = Ŵ F̂
    place().device.activate(shape().activation, f);                               // F = σ(G)
  }

  [[nodiscard]] ColumnSource inputs_and_delta() override {
    return {[this](const ColumnSource::Visit& visit) { visit(whole_inputs(), delta()); }};
  }
  [[nodiscard]] ColumnSource delta_and_inputs() override {
    return {[this](const ColumnSource::Visit& visit) { visit(delta(), whole_inputs()); }};
  }
  [[nodiscard]] ColumnSource sampled_inputs(Index every) override {
    sampled_every_ = every;
    return {[this](const ColumnSource::Visit& visit) {
      const ConstMatrixView columns = sampled_every_ == 1 ? whole_inputs() : gather_sampled();
      visit(columns, columns);
    }};
  }

  [[nodiscard]] WholeMatrices* whole_matrices() override { return this; }
  [[nodiscard]] ConstMatrixView whole_inputs() override { return place().store.with_ones(place().inputs.front()); }

  void carry() override {
    if (!carries()) return;
    place().device.gemm(Op::transpose, Op::none, 1, weights_alone(), delta(), place().beta(), carried());  // Wᵀ S
  }
  [[nodiscard]] MatrixView carried() override { return place().input_difference(); }

 private:
  ConstMatrixView gather_sampled() {
    const ConstMatrixView all = whole_inputs();
    const auto places = place().store.inputs().places();
    const MatrixView chosen = place().columns.of(all.rows, sampled(sampled_every_));
    Index next = 0;
    for (Index c = 0; c < all.cols; ++c)
      if (places[static_cast<std::size_t>(c)] % sampled_every_ == 0)
        place().device.copy(all.block(0, c, all.rows, 1), chosen.block(0, next++, all.rows, 1));
    return chosen;
  }

  Index sampled_every_ = 1;
};

class DenseSpec final : public LayerSpec {
 public:
  explicit DenseSpec(const MapShape& shape) : shape_(shape) {}

  [[nodiscard]] std::string text() const override {
    return fmt::format("dense({},{})", shape_.outputs, name_of(shape_.activation));
  }
  [[nodiscard]] std::string short_text() const override { return fmt::to_string(shape_.outputs); }
  [[nodiscard]] std::shared_ptr<const LayerSpec> with_activation(Activation activation) const override {
    if (shape_.activation != Activation::identity) return nullptr;
    return std::make_shared<DenseSpec>(MapShape{shape_.inputs, shape_.outputs, activation, 1});
  }
  [[nodiscard]] TensorShape output() const override { return {1, 1, shape_.outputs}; }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override {
    return {{ParameterRole::weights,
             shape_.outputs,
             shape_.fan_in(),
             {{"weight", shape_.inputs, {shape_.outputs, shape_.inputs}}, {"bias", 1, {shape_.outputs}}},
             {}}};
  }
  [[nodiscard]] std::optional<MapShape> map() const override { return shape_; }
  [[nodiscard]] bool needs_output() const override { return shape_.activation != Activation::identity; }
  [[nodiscard]] bool reads_ones() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer& layer) const override {
    const std::string x = is_vector(layer.input) ? inputs.front() : graph.add("Flatten", inputs);
    const std::string g = graph.add("Gemm",
                                    {x, graph.constant(layer.name + ".weight", weight(layer)),
                                     graph.constant(layer.name + ".bias", parameter_of(layer, "bias"))},
                                    {{"transB", Index{1}}});
    return activation_to_onnx(shape_.activation, graph, g, layer.name);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer& layer) const override {
    std::vector<TorchModule> modules;
    if (!is_vector(layer.input)) modules.push_back({.expression = "nn.Flatten()"});
    modules.push_back({.expression = fmt::format("nn.Linear({}, {})", shape_.inputs, shape_.outputs),
                       .state = {{"weight", weight(layer)}, {"bias", parameter_of(layer, "bias")}}});
    return followed_by(std::move(modules), shape_.activation);
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Dense>(place, shape_);
  }

 private:
  /// Outputs × inputs, the inputs in the order of other programs.
  [[nodiscard]] static Tensor weight(const ExportedLayer& layer) {
    return with_channels_slowest(parameter_of(layer, "weight"), layer.input);
  }

  MapShape shape_;
};

}  // namespace

LayerKind dense_kind() {
  return {"dense", "dense(outputs[,activation])", [](LayerArguments& arguments, const TensorShape& input) {
            const Index outputs = arguments.size("outputs");
            const Activation activation = arguments.activation(arguments.default_activation());
            return std::make_shared<DenseSpec>(MapShape{input.size(), outputs, activation, 1});
          }};
}

}  // namespace sibp
