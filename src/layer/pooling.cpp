// maxpool(kernel[,stride=S]), meanpool(kernel[,stride=S]), and meanpool alone over all pixels.
#include "sibp/layer/layer.hpp"

#include "layer/layer_kinds.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

class MaxPool final : public Layer {
 public:
  MaxPool(LayerPlace place, const Window& window) : place_(std::move(place)), window_(window) {}
  void forward(Pass) override { place_.device.max_pool(window_, place_.input(), place_.output()); }
  void backward() override {
    if (!place_.carries()) return;
    place_.device.max_pool_backward(window_, place_.input(), place_.output(), place_.output_difference(), place_.beta(),
                                    place_.input_difference());
  }

 private:
  LayerPlace place_;
  Window window_;
};

class MeanPool final : public Layer {
 public:
  MeanPool(LayerPlace place, const Window& window) : place_(std::move(place)), window_(window) {}
  void forward(Pass) override { place_.device.mean_pool(window_, place_.input(), place_.output()); }
  void backward() override {
    if (!place_.carries()) return;
    place_.device.mean_pool_backward(window_, place_.output_difference(), place_.beta(), place_.input_difference());
  }

 private:
  LayerPlace place_;
  Window window_;
};

template <class Pool>
class PoolSpec final : public LayerSpec {
 public:
  static constexpr bool is_max = std::is_same_v<Pool, MaxPool>;

  explicit PoolSpec(const Window& window) : window_(window) {}

  [[nodiscard]] std::string text() const override {
    if (window_.places() == 1 && window_.kernel_height == window_.input.height &&
        window_.kernel_width == window_.input.width && !is_max)
      return "meanpool";
    return fmt::format("{}({},stride={})", is_max ? "maxpool" : "meanpool", window_.kernel_height, window_.stride);
  }
  [[nodiscard]] TensorShape output() const override {
    return {window_.output_height(), window_.output_width(), window_.input.channels};
  }
  [[nodiscard]] Index touched() const override { return 3 * window_.input.size(); }
  [[nodiscard]] bool needs_output() const override { return is_max; }
  [[nodiscard]] bool has_window() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer&) const override {
    return graph.add(is_max ? "MaxPool" : "AveragePool", inputs,
                     {{"kernel_shape", std::vector<Index>{window_.kernel_height, window_.kernel_width}},
                      {"strides", std::vector<Index>{window_.stride, window_.stride}}});
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer&) const override {
    return {{.expression = fmt::format("nn.{}Pool2d(({}, {}), stride={})", is_max ? "Max" : "Avg",
                                       window_.kernel_height, window_.kernel_width, window_.stride)}};
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Pool>(place, window_);
  }

 private:
  Window window_;
};

template <class Pool>
std::shared_ptr<const LayerSpec> windowed(LayerArguments& arguments, const TensorShape& input, Index kernel) {
  const Window window{input, kernel, kernel, arguments.size_or("stride", kernel), 0};
  arguments.check_window(window);
  return std::make_shared<PoolSpec<Pool>>(window);
}

}  // namespace

LayerKind max_pool_kind() {
  return {"maxpool", "maxpool(kernel[,stride=S])", [](LayerArguments& arguments, const TensorShape& input) {
            return windowed<MaxPool>(arguments, input, arguments.size("kernel"));
          }};
}

LayerKind mean_pool_kind() {
  return {"meanpool", "meanpool(kernel[,stride=S]), or meanpool alone over all pixels",
          [](LayerArguments& arguments, const TensorShape& input) -> std::shared_ptr<const LayerSpec> {
            const Index kernel = arguments.count_or("kernel", 0);
            if (kernel > 0) return windowed<MeanPool>(arguments, input, kernel);
            return std::make_shared<PoolSpec<MeanPool>>(Window{input, input.height, input.width, 1, 0});
          }};
}

}  // namespace sibp
