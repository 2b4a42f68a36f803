// norm(group=G): group normalisation. x̂ has mean 0 and variance 1 over the pixels and channels of every group of every
// sample by itself; nothing is exchanged but the sums for γ and β.
#include "sibp/comm/communicator.hpp"

#include "layer/activation_export.hpp"
#include "layer/layer_kinds.hpp"
#include "layer/norm_layer.hpp"

#include <algorithm>
#include <cmath>

#include <fmt/format.h>

namespace sibp {
namespace {

class GroupNorm final : public NormLayer {
 public:
  GroupNorm(const LayerPlace& place, std::size_t groups, Activation activation)
      : NormLayer(place, activation), groups_(groups) {}

  void forward(Pass) override {
    read_scales();
    const ConstMatrixView x = place().input();
    take_sums(x, x, input_sums_);
    take_statistics();
    for_channels([&](std::size_t at, std::size_t group, std::size_t c) {  // γ (x − mean) / deviation + β
      of_x_[at] = gamma_[c] * inverse_[group];
      constant_[at] = beta_[c] - of_x_[at] * mean_[group];
    });
    of_z_.clear();
    if (x.cols > 0) combine(x, {}, activation(), 0, place().output());
  }

  /// D_in = (γ S − mean(γ S) − x̂ mean(γ S ∘ x̂)) / deviation, as a sum of multiples of S and of x.
  void carry() override {
    if (!place().carries() || samples() == 0) return;
    read_scales();
    mean_delta_.assign(samples() * groups_, 0.0);
    mean_product_.assign(samples() * groups_, 0.0);
    const double count = pixels() * of_group();
    for_channels([&](std::size_t at, std::size_t group, std::size_t c) {
      mean_delta_[group] += gamma_[c] * delta_sum(at) / count;
      mean_product_[group] += gamma_[c] * delta_input_sum(at, group) / count;
    });
    of_z_.resize(of_x_.size());
    for_channels([&](std::size_t at, std::size_t group, std::size_t c) {
      of_x_[at] = gamma_[c] * inverse_[group];
      of_z_[at] = -inverse_[group] * inverse_[group] * mean_product_[group];
      constant_[at] = -inverse_[group] * mean_delta_[group] - of_z_[at] * mean_[group];
    });
    combine(place().output_difference(), place().input(), Activation::identity, place().beta(),
            place().input_difference());
  }

 private:
  [[nodiscard]] std::size_t samples() const { return static_cast<std::size_t>(place().store.samples()); }

  /// Calls visit(channel of sample, group of sample, channel).
  template <class Visit>
  void for_channels(const Visit& visit) const {
    for (std::size_t at = 0; at < samples() * channels(); ++at) {
      const std::size_t c = at % channels();
      visit(at, at / channels() * groups_ + c * groups_ / channels(), c);
    }
  }

  /// Where Σ x of a channel of a sample stands among sums; Σ x ∘ z follows `channels` places later.
  [[nodiscard]] std::size_t place_of(std::size_t at) const { return at + at / channels() * channels(); }

  void take_sums(ConstMatrixView x, ConstMatrixView z, std::vector<double>& sums) {
    sums.assign(2 * channels() * samples(), 0.0);
    if (!sums.empty()) place().device.channel_sums(static_cast<Index>(channels()), x, z, sums);
  }

  void take_statistics() {
    const double count = pixels() * of_group();
    mean_.assign(samples() * groups_, 0.0);
    inverse_.assign(samples() * groups_, 0.0);
    of_x_.resize(samples() * channels());
    constant_.resize(samples() * channels());
    for_channels([&](std::size_t at, std::size_t group, std::size_t) {
      mean_[group] += input_sums_[place_of(at)] / count;
      inverse_[group] += input_sums_[place_of(at) + channels()] / count;
    });
    for (std::size_t g = 0; g < mean_.size(); ++g)
      inverse_[g] = 1 / std::sqrt(std::max(inverse_[g] - mean_[g] * mean_[g], 0.0) + epsilon);
  }

  /// Channels of a group.
  [[nodiscard]] double of_group() const {
    const std::size_t size = channels() / groups_;
    return static_cast<double>(size);
  }

  [[nodiscard]] double delta_sum(std::size_t at) const { return delta_sums_[place_of(at)]; }
  /// Σ S ∘ x̂
  [[nodiscard]] double delta_input_sum(std::size_t at, std::size_t group) const {
    return inverse_[group] * (delta_sums_[place_of(at) + channels()] - mean_[group] * delta_sum(at));
  }

  void sum_delta(ConstMatrixView s) override {
    take_sums(s, place().input(), delta_sums_);
    parts_.resize(4 * channels() * samples());
    for_channels([&](std::size_t at, std::size_t group, std::size_t c) {
      double* part = parts_.data() + at / channels() * 4 * channels();
      const double sum = input_sums_[place_of(at)];
      const double squares = input_sums_[place_of(at) + channels()];
      const double mean = mean_[group];
      part[c] = delta_input_sum(at, group);
      part[channels() + c] = delta_sum(at);
      part[2 * channels() + c] =
          inverse_[group] * inverse_[group] * (squares - 2 * mean * sum + pixels() * mean * mean);  // Σ x̂²
      part[3 * channels() + c] = inverse_[group] * (sum - pixels() * mean);                         // Σ x̂
    });
    const Index all_samples = count_samples();
    totals_.resize(4 * channels());
    sum_over_samples(place().communicator, parts_, all_samples, totals_);
    count_ = static_cast<double>(all_samples) * pixels();
    double* from = totals_.data();
    for (auto* sums : {&delta_input_, &delta_, &squares_, &inputs_}) {
      std::copy_n(from, channels(), sums->begin());
      from += channels();
    }
  }

  std::size_t groups_;
  std::vector<double> input_sums_, delta_sums_;    ///< by sample: Σ x, Σ x²; Σ S, Σ S ∘ x
  std::vector<double> mean_, inverse_;             ///< by sample and group
  std::vector<double> mean_delta_, mean_product_;  ///< by sample and group: of γ S and of γ S ∘ x̂
  std::vector<double> parts_, totals_;             ///< what is summed over samples, and its sum over all of them
};

class GroupNormSpec final : public LayerSpec {
 public:
  GroupNormSpec(const TensorShape& shape, Index groups, NormScale scale, Activation activation)
      : shape_(shape), groups_(groups), scale_(scale), activation_(activation) {}

  [[nodiscard]] std::string text() const override {
    return fmt::format("norm(group={},{}{})", groups_, scale_ == NormScale::fixed ? "scale=fixed," : "",
                       name_of(activation_));
  }
  [[nodiscard]] std::shared_ptr<const LayerSpec> with_activation(Activation activation) const override {
    if (activation_ != Activation::identity) return nullptr;
    return std::make_shared<GroupNormSpec>(shape_, groups_, scale_, activation);
  }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] std::vector<ParameterSpec> parameters() const override {
    return {scale_parameter(shape_.channels, scale_)};
  }
  [[nodiscard]] Index touched() const override { return 10 * shape_.size(); }
  [[nodiscard]] bool needs_output() const override { return activation_ != Activation::identity; }
  [[nodiscard]] bool carries_in_place() const override { return true; }
  /// Opset 17 knows normalisations of instances alone: each group becomes a channel of one.
  [[nodiscard]] std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                    const ExportedLayer& layer) const override {
    const auto named = [&](const char* name) { return fmt::format("{}.{}", layer.name, name); };
    const auto of_groups = [&](const char* name, Real value) {
      return graph.constant(named(name),
                            Tensor{{groups_}, std::vector<Real>(static_cast<std::size_t>(groups_), value)});
    };
    const auto of_channels = [&](const char* name, Tensor tensor) {
      if (!is_vector(shape_)) tensor.shape = {shape_.channels, 1, 1};
      return graph.constant(named(name), tensor);
    };
    std::vector<Index> back{0, shape_.channels};
    if (!is_vector(shape_)) back.insert(back.end(), {shape_.height, shape_.width});
    const std::string grouped =
        graph.add("Reshape", {inputs.front(), graph.constant(named("groups"), std::vector<Index>{0, groups_, -1})});
    const std::string whitened =
        graph.add("InstanceNormalization", {grouped, of_groups("ones", 1), of_groups("zeros", 0)},
                  {{"epsilon", NormLayer::epsilon}});
    const std::string x = graph.add("Reshape", {whitened, graph.constant(named("shape"), back)});
    const std::string scaled = graph.add("Mul", {x, of_channels("scale", gamma_of(layer))});
    const std::string y = graph.add("Add", {scaled, of_channels("shift", parameter_of(layer, "shift"))});
    return activation_to_onnx(activation_, graph, y, layer.name);
  }
  [[nodiscard]] std::vector<TorchModule> to_torch(const ExportedLayer& layer) const override {
    return followed_by(
        {{.expression = fmt::format("nn.GroupNorm({}, {}, eps={})", groups_, shape_.channels, NormLayer::epsilon),
          .state = {{"weight", gamma_of(layer)}, {"bias", parameter_of(layer, "shift")}}}},
        activation_);
  }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<GroupNorm>(place, static_cast<std::size_t>(groups_), activation_);
  }

 private:
  TensorShape shape_;
  Index groups_;
  NormScale scale_;
  Activation activation_;
};

}  // namespace

std::shared_ptr<const LayerSpec> make_group_norm(const TensorShape& shape, Index groups, NormScale scale,
                                                 Activation activation) {
  return std::make_shared<GroupNormSpec>(shape, groups, scale, activation);
}

}  // namespace sibp
