// A model in ONNX's format, by ONNX's own library.
#include "sibp/core/error.hpp"
#include "sibp/trainer/model_export.hpp"

#include "trainer/exported_layers.hpp"

#include <cstdint>
#include <limits>

#include <fmt/format.h>
#include <onnx/checker.h>
#include <onnx/onnx_pb.h>

namespace sibp {
namespace {

constexpr int opset = 17;
constexpr int format = 8;  // the first version of the format that has this opset

class Graph final : public OnnxGraph {
 public:
  explicit Graph(onnx::GraphProto& graph) : graph_(graph) {}

  std::string add(const std::string& operation, const std::vector<std::string>& inputs,
                  const std::map<std::string, OnnxAttribute>& attributes = {}) override {
    onnx::NodeProto& node = *graph_.add_node();
    node.set_op_type(operation);
    node.set_name(fmt::format("{}_{}", operation, graph_.node_size()));
    for (const std::string& input : inputs) node.add_input(input);
    node.add_output(node.name());
    for (const auto& [name, value] : attributes) {
      onnx::AttributeProto& attribute = *node.add_attribute();
      attribute.set_name(name);
      std::visit([&](const auto& given) { set(attribute, given); }, value);
    }
    return node.name();
  }

  std::string constant(const std::string& name, const Tensor& tensor) override {
    onnx::TensorProto& constant = add_constant(name, tensor.shape, onnx::TensorProto::FLOAT);
    constant.mutable_float_data()->Add(tensor.values.begin(), tensor.values.end());
    return name;
  }

  std::string constant(const std::string& name, const std::vector<Index>& integers) override {
    const auto count = static_cast<Index>(integers.size());
    add_constant(name, {count}, onnx::TensorProto::INT64).mutable_int64_data()->Add(integers.begin(), integers.end());
    return name;
  }

  /// Calls the output of the operator that was added last by another name.
  std::string rename_last(const char* name) {
    graph_.mutable_node(graph_.node_size() - 1)->set_output(0, name);
    return name;
  }

 private:
  static void set(onnx::AttributeProto& attribute, Index value) {
    attribute.set_type(onnx::AttributeProto::INT);
    attribute.set_i(value);
  }
  static void set(onnx::AttributeProto& attribute, double value) {
    attribute.set_type(onnx::AttributeProto::FLOAT);
    attribute.set_f(static_cast<float>(value));
  }
  static void set(onnx::AttributeProto& attribute, const std::vector<Index>& values) {
    attribute.set_type(onnx::AttributeProto::INTS);
    attribute.mutable_ints()->Add(values.begin(), values.end());
  }

  onnx::TensorProto& add_constant(const std::string& name, const std::vector<Index>& shape, int type) {
    onnx::TensorProto& constant = *graph_.add_initializer();
    constant.set_name(name);
    constant.set_data_type(type);
    constant.mutable_dims()->Add(shape.begin(), shape.end());
    return constant;
  }

  onnx::GraphProto& graph_;
};

/// A tensor of N samples that goes in or comes out.
void describe(onnx::ValueInfoProto& value, const char* name, const std::vector<Index>& shape_of_sample) {
  value.set_name(name);
  auto& type = *value.mutable_type()->mutable_tensor_type();
  type.set_elem_type(onnx::TensorProto::FLOAT);
  type.mutable_shape()->add_dim()->set_dim_param("N");
  for (const Index size : shape_of_sample) type.mutable_shape()->add_dim()->set_dim_value(size);
}

std::vector<Index> exported_shape(const TensorShape& shape) {
  if (is_vector(shape)) return {shape.channels};
  return {shape.channels, shape.height, shape.width};
}

/// Adds the normalisation, x = scale · (pixel − shift); the name of its output.
std::string add_normalisation(Graph& graph, const Model& model) {
  const ExportedNormalisation normalisation = exported_normalisation(model);
  const std::string shifted = graph.add("Sub", {"pixels", graph.constant("normalisation.shift", normalisation.shift)});
  return graph.add("Mul", {shifted, graph.constant("normalisation.scale", normalisation.scale)});
}

/// Adds the layers; the name of what the last computes.
std::string add_layers(Graph& graph, const Model& model, std::string_view source, const std::string& normalised) {
  std::vector<std::string> tensors{normalised};
  const std::vector<ExportedLayer> layers = exported_layers(model, source);
  for (std::size_t k = 0; k < layers.size(); ++k) {
    const LayerSpec& layer = *model.spec.nodes[k].layer;
    std::vector<std::string> inputs;
    for (const std::size_t input : model.spec.nodes[k].inputs) inputs.push_back(tensors[input]);
    if (layer.has_window() && is_vector(layers[k].input)) {
      const std::vector<Index> picture{0, layers[k].input.channels, 1, 1};
      inputs.front() = graph.add("Reshape", {inputs.front(), graph.constant(layers[k].name + ".picture", picture)});
    }
    std::string output = layer.to_onnx(graph, inputs, layers[k]);
    if (layer.has_window() && is_vector(layer.output())) output = graph.add("Flatten", {output});
    tensors.push_back(std::move(output));
  }
  return tensors.back();
}

}  // namespace

std::string model_to_onnx(const Model& model, std::string_view source) {
  if (const auto bytes = 4 * model.spec.parameters(); bytes > std::numeric_limits<std::int32_t>::max() - 1'000'000)
    throw_usage_error(
        fmt::format("{} has {:.1f} GB of weights, and a file of ONNX's format at most 2 GB; export it for "
                    "PyTorch",
                    source, static_cast<double>(bytes) / 1e9));
  onnx::ModelProto proto;
  proto.set_ir_version(format);
  proto.set_producer_name("sibp_dist");
  proto.set_producer_version(SIBP_VERSION);
  proto.add_opset_import()->set_version(opset);
  onnx::GraphProto& graph_proto = *proto.mutable_graph();
  graph_proto.set_name(short_name(model.spec));
  describe(*graph_proto.add_input(), "pixels", exported_shape(model.spec.input));
  for (const char* name : {"logits", "probabilities"})
    describe(*graph_proto.add_output(), name, {model.spec.outputs()});
  Graph graph(graph_proto);
  (void)add_layers(graph, model, source, add_normalisation(graph, model));
  const std::string logits = graph.rename_last("logits");
  graph.add("Softmax", {logits}, {{"axis", Index{1}}});
  graph.rename_last("probabilities");
  try {
    onnx::checker::check_model(proto);
  } catch (const std::exception& wrong) {
    throw Error(ExitStatus::runtime, fmt::format("{}: ONNX's checker refuses its graph: {}", source, wrong.what()));
  }
  std::string bytes;
  require(proto.SerializeToString(&bytes), "ONNX's library cannot write the graph");
  return bytes;
}

}  // namespace sibp
