// norm: batch normalisation. x̂ has mean 0 and variance 1 in every channel, over the pixels of the global batch: two
// numbers a channel are summed over ranks, so that any number of ranks computes the same. An evaluation takes running
// statistics.
#include "sibp/comm/communicator.hpp"

#include "layer/activation_export.hpp"
#include "layer/layer_kinds.hpp"
#include "layer/norm_layer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

class BatchNorm final : public NormLayer {
 public:
  BatchNorm(const LayerPlace& place, Activation activation)
      : NormLayer(place, activation), totals_(2 * channels()), mean_(channels()), inverse_(channels()) {
    for (auto* coefficients : {&of_x_, &of_z_, &constant_}) coefficients->resize(channels());
    host_statistics_.resize(2 * channels());
  }

  void forward(Pass pass) override {
    read_scales();
    if (pass == Pass::training) {
      take_batch_statistics();
    } else {
      take_running_statistics();
    }
    for (std::size_t c = 0; c < channels(); ++c) {  // γ (x − mean) / deviation + β
      of_x_[c] = gamma_[c] * inverse_[c];
      constant_[c] = beta_[c] - of_x_[c] * mean_[c];
    }
    combine(place().input(), {}, activation(), 0, place().output());
  }

  /// D_in = γ / deviation (S − mean(S) − x̂ mean(S ∘ x̂)), as a sum of multiples of S and of x.
  void carry() override {
    if (!place().carries()) return;
    read_scales();
    for (std::size_t c = 0; c < channels(); ++c) {
      of_x_[c] = gamma_[c] * inverse_[c];
      of_z_[c] = -of_x_[c] * inverse_[c] * delta_input_[c] / count_;
      constant_[c] = -of_x_[c] * delta_[c] / count_ - of_z_[c] * mean_[c];
    }
    combine(place().output_difference(), place().input(), Activation::identity, place().beta(),
            place().input_difference());
  }

 private:
  /// Share of a batch of so many pixels in the running statistics. Steps are large, so statistics of older weights soon
  /// tell nothing; those of few pixels, as of a short batch at the end of an epoch, are chance.
  static double share_of_batch(double pixels) {
    constexpr double most = 0.6;
    constexpr double few = 1000;
    return most * pixels / (pixels + few);
  }

  /// Σ x and Σ x ∘ z by channel, over the pixels of all ranks' samples, in totals_.
  void sum_over_batch(ConstMatrixView x, ConstMatrixView z) {
    const auto samples =
        place().communicator.sums() == sibp::Sums::exact ? static_cast<std::size_t>(x.cols) : std::size_t{1};
    parts_.assign(samples * totals_.size(), 0.0);
    if (!parts_.empty()) place().device.channel_sums(static_cast<Index>(channels()), x, z, parts_);
    sum_over_samples(place().communicator, parts_, samples_, totals_);
  }

  void take_batch_statistics() {
    samples_ = count_samples();
    count_ = static_cast<double>(samples_) * pixels();
    const ConstMatrixView x = place().input();
    sum_over_batch(x, x);
    place().device.download(statistics(), host_statistics_);  // of a checkpoint where the run goes on
    const double share = share_of_batch(count_);
    for (std::size_t c = 0; c < channels(); ++c) {
      mean_[c] = totals_[c] / count_;
      const double variance = std::max(totals_[channels() + c] / count_ - mean_[c] * mean_[c], 0.0);
      inverse_[c] = 1 / std::sqrt(variance + epsilon);
      average(host_statistics_[c], mean_[c], share);
      average(host_statistics_[channels() + c], variance, share);
    }
    place().device.upload(host_statistics_, statistics());
  }

  static void average(Real& running, double of_batch, double share) {
    running = static_cast<Real>((1 - share) * static_cast<double>(running) + share * of_batch);
  }

  void take_running_statistics() {
    place().device.download(statistics(), host_statistics_);
    for (std::size_t c = 0; c < channels(); ++c) {
      mean_[c] = static_cast<double>(host_statistics_[c]);
      inverse_[c] = 1 / std::sqrt(static_cast<double>(host_statistics_[channels() + c]) + epsilon);
    }
  }

  void sum_delta(ConstMatrixView s) override {
    sum_over_batch(s, place().input());
    for (std::size_t c = 0; c < channels(); ++c) {
      delta_[c] = totals_[c];
      delta_input_[c] = inverse_[c] * (totals_[channels() + c] - mean_[c] * totals_[c]);
      squares_[c] = count_;  // x̂ has variance 1 and mean 0
      inputs_[c] = 0;
    }
  }

  [[nodiscard]] MatrixView statistics() const { return place().parameters.back(); }

  std::vector<double> parts_;   ///< sums of samples, or of this rank's
  std::vector<double> totals_;  ///< over all ranks
  std::vector<double> mean_, inverse_;
  std::vector<Real> host_statistics_;  ///< running mean and variance
  Index samples_ = 0;                  ///< of all ranks
};

class NormSpec final : public LayerSpec {
 public:
  NormSpec(const TensorShape& shape, NormScale scale, Activation activation)
      : shape_(shape), scale_(scale), activation_(activation) {}

  [[nodiscard]] std::string text() const override {
    if (scale_ == NormScale::fixed) return fmt::format("norm(scale=fixed,{})", name_of(activation_));
    return activation_ == Activation::identity ? "norm" : fmt::format("norm({})", name_of(activation_));
  }
  [[nodiscard]] std::shared_ptr<const LayerSpec> with_activation(Activation activation) const override {
    return activation_ == Activation::identity ? std::make_shared<NormSpec>(shape_, scale_, activation) : nullptr;
  }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override {
    const Index c = shape_.channels;
    return {scale_parameter(c, scale_),
            {ParameterRole::statistics, c, 2, {{"mean", 1, {c}}, {"variance", 1, {c}}}, {0, 1}}};
  }
  [[nodiscard]] Index touched() const override { return 10 * shape_.size(); }
  [[nodiscard]] bool needs_output() const override { return activation_ != Activation::identity; }
  [[nodiscard]] bool carries_in_place() const override { return true; }
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer& layer) const override {
    const auto constant = [&](const char* name, const Tensor& tensor) {
      return graph.constant(fmt::format("{}.{}", layer.name, name), tensor);
    };
    const std::string y = graph.add(
        "BatchNormalization",
        {inputs.front(), constant("scale", gamma_of(layer)), constant("shift", parameter_of(layer, "shift")),
         constant("mean", parameter_of(layer, "mean")), constant("variance", parameter_of(layer, "variance"))},
        {{"epsilon", NormLayer::epsilon}});
    return activation_to_onnx(activation_, graph, y, layer.name);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer& layer) const override {
    return followed_by({{.expression = fmt::format("nn.BatchNorm{}d({}, eps={})", is_vector(shape_) ? 1 : 2,
                                                   shape_.channels, NormLayer::epsilon),
                         .state = {{"weight", gamma_of(layer)},
                                   {"bias", parameter_of(layer, "shift")},
                                   {"running_mean", parameter_of(layer, "mean")},
                                   {"running_var", parameter_of(layer, "variance")}}}},
                       activation_);
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<BatchNorm>(place, activation_);
  }

 private:
  TensorShape shape_;
  NormScale scale_;
  Activation activation_;
};

}  // namespace

LayerKind norm_kind() {
  return {"norm", "norm, perhaps with group=GROUPS, scale=fixed and an activation in brackets",
          [](LayerArguments& arguments, const TensorShape& input) -> std::shared_ptr<const LayerSpec> {
            const Index groups = arguments.count_or("group", 0);
            const bool is_fixed = arguments.word("scale", {"learnt", "fixed"}) == "fixed";
            const NormScale scale = is_fixed ? NormScale::fixed : NormScale::learnt;
            const Activation activation = arguments.activation(Activation::identity);
            if (groups == 0) return std::make_shared<NormSpec>(input, scale, activation);
            if (input.channels % groups != 0)
              arguments.fail(fmt::format("{} channels are no multiple of {} groups", input.channels, groups));
            return make_group_norm(input, groups, scale, activation);
          }};
}

}  // namespace sibp
