// dropout(rate): in training each element is 0 with probability `rate` and else 1 / (1 − rate) times what it was, drawn
// by the sample's key, so that any number of ranks draws the same.
#include "layer/layer_kinds.hpp"
#include "layer/pass_on.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

class Dropout final : public Layer {
 public:
  Dropout(LayerPlace place, double rate)
      : place_(std::move(place)), rate_(rate), keys_(static_cast<std::size_t>(place_.store.capacity())) {}

  void forward(Pass pass) override {
    const MatrixView out = place_.output();
    if (pass == Pass::training) {
      place_.device.dropout(rate_, own_keys(), place_.input(), out);
    } else if (place_.input().data != out.data) {
      place_.device.copy(place_.input(), out);
    }
  }

  void backward() override {
    const MatrixView d = place_.output_difference();
    place_.device.dropout(rate_, own_keys(), d, d);
    pass_on(place_, d, 0);
  }

 private:
  /// Of every sample, another for each layer.
  std::span<const std::uint64_t> own_keys() {
    const auto of_samples = place_.store.inputs().keys();
    for (std::size_t k = 0; k < of_samples.size(); ++k)
      keys_[k] = (of_samples[k] ^ (place_.node + 1)) * 0x9E3779B97F4A7C15ULL;
    return std::span(keys_).first(of_samples.size());
  }

  LayerPlace place_;
  double rate_;
  std::vector<std::uint64_t> keys_;
};

class DropoutSpec final : public LayerSpec {
 public:
  DropoutSpec(const TensorShape& shape, double rate) : shape_(shape), rate_(rate) {}

  [[nodiscard]] std::string text() const override { return fmt::format("dropout({})", rate_); }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] bool works_in_place() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph&, const std::vector<std::string>& inputs,
                                    const ExportedLayer&) const override {
    return inputs.front();  // an evaluation has none
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer&) const override {
    return {{.expression = fmt::format("nn.Dropout({})", rate_)}};
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Dropout>(place, rate_);
  }

 private:
  TensorShape shape_;
  double rate_;
};

}  // namespace

LayerKind dropout_kind() {
  return {"dropout", "dropout(rate)", [](LayerArguments& arguments, const TensorShape& input) {
            return std::make_shared<DropoutSpec>(input, arguments.fraction("rate"));
          }};
}

}  // namespace sibp
