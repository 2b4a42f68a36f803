// conv(channels,kernel[,stride=S][,padding=P][,activation]): F = σ(Ŵ P̂), a column a place of the window; P̂ are the
// patches under it. Patches are never in memory as a whole: they are unfolded in blocks that fit the cache, as often as
// they are needed. Where the device has a library for convolutions, Gram matrices alone are made of patches.
#include "sibp/model/tensor_layout.hpp"

#include "layer/activation_export.hpp"
#include "layer/layer_kinds.hpp"
#include "layer/map_layer.hpp"

#include <algorithm>
#include <functional>
#include <memory>

#include <fmt/format.h>

namespace sibp {
namespace {

class Convolution final : public MapLayer {
 public:
  Convolution(const LayerPlace& place, const MapShape& shape, const Window& window)
      : MapLayer(place, shape), window_(window), block_(columns_of_block(shape, elements_at_hand)) {
    // All that a layer of the network may want, so that no step allocates.
    const Index room = std::max(elements_at_hand, shape.fan_in() * block_);
    place.columns.of(room, 1);
    if (place.carries()) place.carried.of(room, 1);
    products_ = place.device.make_convolution({.window = window,
                                               .outputs = shape.outputs,
                                               .samples = place.store.capacity(),
                                               .images_have_gaps = place.input().stride > window.input.size(),
                                               .outputs_have_gaps = place.output().stride > place.output().rows});
  }

  void forward(Pass) override {
    const MatrixView out = place().output();
    if (out.empty()) return;
    if (products_) {
      products_->forward(weights(), place().input(), out);  // G = Ŵ P̂
      place().device.activate(shape().activation, out);     // F = σ(G)
    } else {
      forward_in_blocks(out);
    }
  }

  [[nodiscard]] ColumnSource inputs_and_delta() override {
    return {[this](const ColumnSource::Visit& visit) {
              const ConstMatrixView s = delta();
              for_blocks(s.cols, [&](Index first, Index count) {
                visit(patches(first, count), s.block(0, first, s.rows, count));
              });
            },
            shape().columns, product_by_library([this](Real alpha, MatrixView part) {
              products_->inputs_and_delta(alpha, place().input(), delta(), part);
            })};
  }
  [[nodiscard]] ColumnSource delta_and_inputs() override {
    return {[this](const ColumnSource::Visit& visit) {
              const ConstMatrixView s = delta();
              for_blocks(s.cols, [&](Index first, Index count) {
                visit(s.block(0, first, s.rows, count), patches(first, count));
              });
            },
            shape().columns, product_by_library([this](Real alpha, MatrixView part) {
              products_->delta_and_inputs(alpha, delta(), place().input(), part);
            })};
  }
  [[nodiscard]] ColumnSource sampled_inputs(Index every) override {
    sampled_every_ = every;
    return {[this](const ColumnSource::Visit& visit) { visit_sampled(visit); }, shape().columns};
  }

  void carry() override {
    if (!carries()) return;
    const MatrixView to = place().input_difference();
    if (to.empty()) return;
    if (products_) {
      products_->carry(weights(), delta(), place().beta(), to);  // D_in += fold(Wᵀ S)
      return;
    }
    if (place().beta() == Real(0)) place().device.fill(to, 0);
    const ConstMatrixView s = delta();
    for_blocks(s.cols, [&](Index first, Index count) {
      const MatrixView columns = place().carried.of(shape().inputs, count);
      place().device.gemm(Op::transpose, Op::none, 1, weights_alone(), s.block(0, first, s.rows, count), 0, columns);
      place().device.fold(window_, columns, first, to);  // D_in += fold(Wᵀ S)
    });
  }

 private:
  void forward_in_blocks(MatrixView out) {
    const Index at_once = out.contiguous() ? total_columns() : shape().columns;  // a gap follows every sample
    for (Index first = 0; first < total_columns(); first += at_once) {
      const MatrixView f{&out(0, first / shape().columns), shape().outputs, at_once, shape().outputs};
      for_blocks(at_once, [&](Index from, Index count) {
        const MatrixView g = f.block(0, from, f.rows, count);
        place().device.gemm(Op::none, Op::none, 1, weights(), patches(first + from, count), 0, g);  // G = Ŵ P̂
        place().device.activate(shape().activation, g);                                             // F = σ(G)
      });
    }
  }

  /// The product of a source of columns, where there is a library and a sample.
  template <class Product>
  [[nodiscard]] std::function<void(Real, MatrixView)> product_by_library(const Product& product) const {
    if (products_ && samples() > 0) return product;
    return {};
  }

  [[nodiscard]] Index total_columns() const { return shape().columns * samples(); }

  /// Calls work(first, count) for blocks of so many columns.
  template <class Work>
  void for_blocks(Index columns, const Work& work) const {
    for (Index first = 0; first < columns; first += block_) work(first, std::min(block_, columns - first));
  }

  /// P̂ of these columns, fan_in × count.
  ConstMatrixView patches(Index first, Index count) {
    const MatrixView columns = place().columns.of(shape().fan_in(), count);
    place().device.unfold(window_, place().input(), first, columns);
    return columns;
  }

  /// Patches of the sampled samples, put together to blocks.
  void visit_sampled(const ColumnSource::Visit& visit) {
    Index filled = 0;
    const auto flush = [&] {
      const ConstMatrixView columns = place().columns.of(shape().fan_in(), filled);
      if (filled > 0) visit(columns, columns);
      filled = 0;
    };
    const auto places = place().store.inputs().places();
    for (std::size_t sample = 0; sample < places.size(); ++sample) {
      if (places[sample] % sampled_every_ != 0) continue;
      for (Index done = 0; done < shape().columns;) {
        const Index count = std::min(shape().columns - done, block_ - filled);
        const MatrixView block = place().columns.of(shape().fan_in(), block_);
        place().device.unfold(window_, place().input(), static_cast<Index>(sample) * shape().columns + done,
                              block.block(0, filled, block.rows, count));
        done += count;
        filled += count;
        if (filled == block_) flush();
      }
    }
    flush();
  }

  Window window_;
  Index block_;  ///< columns at most
  Index sampled_every_ = 1;
  std::unique_ptr<ConvolutionProducts> products_;  ///< by the device's library; null where it has none
};

class ConvolutionSpec final : public LayerSpec {
 public:
  ConvolutionSpec(const Window& window, Index channels, Activation activation)
      : window_(window), shape_{window.patch(), channels, activation, window.places()} {}

  [[nodiscard]] std::string text() const override {
    return fmt::format("conv({},{},stride={},padding={},{})", shape_.outputs, window_.kernel_height, window_.stride,
                       window_.padding, name_of(shape_.activation));
  }
  [[nodiscard]] std::string short_text() const override { return fmt::format("c{}", shape_.outputs); }
  [[nodiscard]] std::shared_ptr<const LayerSpec> with_activation(Activation activation) const override {
    if (shape_.activation != Activation::identity) return nullptr;
    return std::make_shared<ConvolutionSpec>(window_, shape_.outputs, activation);
  }
  [[nodiscard]] TensorShape output() const override {
    return {window_.output_height(), window_.output_width(), shape_.outputs};
  }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override {
    return {{ParameterRole::weights,
             shape_.outputs,
             shape_.fan_in(),
             {{"weight",
               shape_.inputs,
               {shape_.outputs, window_.kernel_height, window_.kernel_width, window_.input.channels}},
              {"bias", 1, {shape_.outputs}}},
             {},
             middle()}};
  }
  [[nodiscard]] std::optional<MapShape> map() const override { return shape_; }
  [[nodiscard]] bool needs_output() const override { return shape_.activation != Activation::identity; }
  [[nodiscard]] bool has_window() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer& layer) const override {
    const Index s = window_.stride;
    const Index p = window_.padding;
    const std::string g = graph.add("Conv",
                                    {inputs.front(), graph.constant(layer.name + ".weight", kernels(layer)),
                                     graph.constant(layer.name + ".bias", parameter_of(layer, "bias"))},
                                    {{"kernel_shape", std::vector<Index>{window_.kernel_height, window_.kernel_width}},
                                     {"strides", std::vector<Index>{s, s}},
                                     {"pads", std::vector<Index>{p, p, p, p}}});
    return activation_to_onnx(shape_.activation, graph, g, layer.name);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer& layer) const override {
    return followed_by({{.expression = fmt::format("nn.Conv2d({}, {}, ({}, {}), stride={}, padding={})",
                                                   window_.input.channels, shape_.outputs, window_.kernel_height,
                                                   window_.kernel_width, window_.stride, window_.padding),
                         .state = {{"weight", kernels(layer)}, {"bias", parameter_of(layer, "bias")}}}},
                       shape_.activation);
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Convolution>(place, shape_, window_);
  }

 private:
  /// None in a window without a pixel in the middle.
  [[nodiscard]] ColumnRange middle() const {
    if (window_.kernel_height % 2 == 0 || window_.kernel_width % 2 == 0) return {};
    const Index channels = window_.input.channels;
    return {window_.kernel_height * window_.kernel_width / 2 * channels, channels};
  }
  /// Outputs × channels × height × width.
  [[nodiscard]] Tensor kernels(const ExportedLayer& layer) const {
    const TensorShape patch{window_.kernel_height, window_.kernel_width, window_.input.channels};
    Tensor weight = with_channels_slowest(parameter_of(layer, "weight"), patch);
    weight.shape = {shape_.outputs, patch.channels, patch.height, patch.width};
    return weight;
  }

  Window window_;
  MapShape shape_;
};

}  // namespace

std::shared_ptr<const LayerSpec> make_projection(const TensorShape& input, Index channels, Index stride) {
  return std::make_shared<ConvolutionSpec>(Window{input, 1, 1, stride, 0}, channels, Activation::identity);
}

LayerKind convolution_kind() {
  return {"conv", "conv(channels,kernel[,stride=S][,padding=P][,activation])",
          [](LayerArguments& arguments, const TensorShape& input) {
            const Index channels = arguments.size("channels");
            const Index kernel = arguments.size("kernel");
            const Index stride = arguments.size_or("stride", 1);
            const Index padding = arguments.count_or("padding", (kernel - 1) / 2);
            const Activation activation = arguments.activation(Activation::identity);
            const Window window{input, kernel, kernel, stride, padding};
            arguments.check_window(window);
            return std::make_shared<ConvolutionSpec>(window, channels, activation);
          }};
}

}  // namespace sibp
