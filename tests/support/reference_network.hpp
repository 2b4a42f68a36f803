#pragma once

// Convolutional networks in plain double loops on the whole batch, with patches in one matrix. Reads what a layer is
// from its text; shares nothing with src/layer/.

#include "sibp/model/network_spec.hpp"

#include "support/naive.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <functional>
#include <limits>
#include <stdexcept>
#include <vector>

namespace sibp::naive {

struct ReferenceLayer {
  enum class Kind { map, max_pool, mean_pool, batch_norm, group_norm, sum, activation };
  Kind kind = Kind::activation;
  Activation activation = Activation::identity;
  Window window{};            ///< of a map, a dense layer's is all of the picture
  long groups = 0;            ///< of a group norm
  std::size_t parameter = 0;  ///< number among maps, or among norms

  ReferenceLayer(const std::string& text, const TensorShape& input) : window{input, input.height, input.width, 1, 0} {
    std::array<char, 32> word{"identity"};
    long channels = 0;
    long kernel = 0;
    long padding = 0;
    const auto reads = [&](const char* form, auto*... to) {
      return std::sscanf(text.c_str(), form, to...) == static_cast<int>(sizeof...(to));  // NOLINT
    };
    if (reads("conv(%ld,%ld,stride=%ld,padding=%ld,%31[a-z-])", &channels, &kernel, &window.stride, &padding,
              word.data())) {
      kind = Kind::map;
      window = {input, kernel, kernel, window.stride, padding};
    } else if (reads("dense(%ld,%31[a-z-])", &channels, word.data())) {
      kind = Kind::map;
    } else if (reads("maxpool(%ld,stride=%ld)", &kernel, &window.stride)) {
      kind = Kind::max_pool;
      window = {input, kernel, kernel, window.stride, 0};
    } else if (reads("meanpool(%ld,stride=%ld)", &kernel, &window.stride)) {
      kind = Kind::mean_pool;
      window = {input, kernel, kernel, window.stride, 0};
    } else if (text == "meanpool") {
      kind = Kind::mean_pool;
    } else if (reads("norm(scale=fixed,%31[a-z-])", word.data())) {
      kind = Kind::batch_norm;
    } else if (reads("norm(group=%ld,scale=fixed,%31[a-z-])", &groups, word.data())) {
      kind = Kind::group_norm;
    } else if (reads("norm(group=%ld,%31[a-z-])", &groups, word.data())) {
      kind = Kind::group_norm;
    } else if (text == "norm" || reads("norm(%31[a-z-])", word.data())) {
      kind = Kind::batch_norm;
    } else if (text == "sum") {
      kind = Kind::sum;
    } else {
      std::copy_n(text.c_str(), std::min<std::size_t>(text.size() + 1, word.size()), word.begin());
    }
    const auto named = activation_from_name(word.data());
    if (!named) throw std::runtime_error("the reference does not know " + text);
    activation = *named;
  }
};

/// The patches under a window, (patch + 1) × (places · M), with a last row of ones.
inline Dense patches_of(const Window& w, const Dense& x) {
  Dense p(w.patch() + 1, w.places() * x.cols, 0);
  Index column = 0;
  for (Index m = 0; m < x.cols; ++m)
    for (Index oy = 0; oy < w.output_height(); ++oy)
      for (Index ox = 0; ox < w.output_width(); ++ox, ++column) {
        Index row = 0;
        for (Index ky = 0; ky < w.kernel_height; ++ky)
          for (Index kx = 0; kx < w.kernel_width; ++kx)
            for (Index c = 0; c < w.input.channels; ++c, ++row) {
              const Index y = oy * w.stride + ky - w.padding;
              const Index at = ox * w.stride + kx - w.padding;
              if (y >= 0 && y < w.input.height && at >= 0 && at < w.input.width)
                p(row, column) = x((y * w.input.width + at) * w.input.channels + c, m);
            }
        p(row, column) = 1;
      }
  return p;
}

/// x += what patches_of would have taken p from.
inline void add_patches(const Window& w, const Dense& p, Dense& x) {
  Dense places(w.input.size(), 1);  // where each element of a sample's patches comes from, counted from 1
  for (std::size_t k = 0; k < places.values.size(); ++k) places.values[k] = static_cast<double>(k + 1);
  const Dense from = patches_of(w, places);
  for (Index column = 0; column < p.cols; ++column)
    for (Index r = 0; r < w.patch(); ++r) {
      const auto place = static_cast<Index>(from(r, column % w.places()));
      if (place > 0) x(place - 1, column / w.places()) += p(r, column);
    }
}

/// The same elements in another number of rows.
inline Dense reshaped(Dense a, Index rows) {
  a.cols = rows == 0 ? 0 : static_cast<Index>(a.values.size()) / rows;
  a.rows = rows;
  return a;
}

struct ReferenceNetwork {
  NetworkSpec spec;
  std::vector<Dense> maps{};    ///< Ŵ, outputs × fan_in
  std::vector<Dense> scales{};  ///< [γ β], channels × 2; or β alone, channels × 1

  /// Called on the way back, before the difference goes through with the weights as they are then.
  using OnMap = std::function<void(std::size_t map, const Dense& inputs, const Dense& delta)>;
  /// x̂ and S, channels × pixels of all samples.
  using OnScales = std::function<void(std::size_t norm, const Dense& normalised, const Dense& delta)>;

  std::vector<Dense> tensors{};  ///< after forward()
  double loss = 0;               ///< sum over samples

  // Of the network's own.
  std::vector<ReferenceLayer> layers_{};
  std::vector<Dense> known_{};  ///< by node: what σ is applied to
  std::vector<Dense> hats_{};   ///< by node: x̂
  std::vector<std::vector<double>> deviations_{};
  std::vector<Dense> differences_{};

  void forward(const Dense& inputs) {
    read_layers();
    tensors = {inputs};
    known_.assign(layers_.size(), {});
    deviations_.assign(layers_.size(), {});
    for (std::size_t n = 0; n < layers_.size(); ++n) {
      const ReferenceLayer& layer = layers_[n];
      const Dense& x = tensors[spec.nodes[n].inputs[0]];
      Dense g = x;
      if (layer.kind == ReferenceLayer::Kind::map) g = product(maps[layer.parameter], patches_of(layer.window, x));
      if (layer.kind == ReferenceLayer::Kind::sum) add(g, tensors[spec.nodes[n].inputs[1]]);
      if (layer.kind == ReferenceLayer::Kind::max_pool || layer.kind == ReferenceLayer::Kind::mean_pool)
        g = pooled(layer, x);
      if (is_norm(layer)) g = normalised(n, x);
      known_[n] = g;  // before σ
      for (double& value : g.values) value = activate(layer.activation, value);
      tensors.push_back(reshaped(std::move(g), spec.shape(n + 1).size()));
    }
  }

  void backward(const std::vector<std::int32_t>& labels, const OnMap& on_map, const OnScales& on_scales) {
    differences_.clear();
    for (const Dense& tensor : tensors) differences_.emplace_back(tensor.rows, tensor.cols);
    output_difference(labels);
    for (std::size_t n = layers_.size(); n-- > 0;) {
      const ReferenceLayer& layer = layers_[n];
      Dense s = reshaped(differences_[n + 1], known_[n].rows);
      for (std::size_t k = 0; k < s.values.size(); ++k)
        s.values[k] *= derivative(layer.activation, known_[n].values[k]);
      back(n, s, on_map, on_scales);
    }
  }

  [[nodiscard]] double gamma(std::size_t norm, Index channel) const {
    return scales[norm].cols == 2 ? scales[norm](channel, 0) : 1;
  }
  [[nodiscard]] double beta(std::size_t norm, Index channel) const {
    return scales[norm](channel, scales[norm].cols - 1);
  }
  /// The gradient of the scales of a norm, of their shape.
  [[nodiscard]] Dense gradient_of_scales(std::size_t norm, const Dense& hat, const Dense& delta) const {
    Dense gradient(hat.rows, scales[norm].cols);
    for (Index k = 0; k < hat.cols; ++k)
      for (Index c = 0; c < hat.rows; ++c) {
        if (gradient.cols == 2) gradient(c, 0) += delta(c, k) * hat(c, k);
        gradient(c, gradient.cols - 1) += delta(c, k);
      }
    return gradient;
  }

  static Dense& add(Dense& a, const Dense& b) {
    for (std::size_t k = 0; k < a.values.size(); ++k) a.values[k] += b.values[k];
    return a;
  }

 private:
  using Kind = ReferenceLayer::Kind;

  static bool is_norm(const ReferenceLayer& layer) {
    return layer.kind == Kind::batch_norm || layer.kind == Kind::group_norm;
  }

  void read_layers() {
    layers_.clear();
    std::size_t next_map = 0;
    std::size_t next_norm = 0;
    for (const Node& node : spec.nodes) {
      layers_.emplace_back(node.layer->text(), spec.shape(node.inputs[0]));
      if (layers_.back().kind == Kind::map) layers_.back().parameter = next_map++;
      if (is_norm(layers_.back())) layers_.back().parameter = next_norm++;
    }
  }

  /// Calls visit(output, place in the input, of how many) for the inputs under every window.
  template <class Visit>
  static void for_windows(const Window& w, const Visit& visit) {
    const Index c = w.input.channels;
    for (Index out = 0; out < w.places() * c; ++out) {
      const Index oy = out / c / w.output_width();
      const Index ox = out / c % w.output_width();
      for (Index ky = 0; ky < w.kernel_height; ++ky)
        for (Index kx = 0; kx < w.kernel_width; ++kx)
          visit(out, ((oy * w.stride + ky) * w.input.width + ox * w.stride + kx) * c + out % c,
                static_cast<double>(w.kernel_height * w.kernel_width));
    }
  }

  static Dense pooled(const ReferenceLayer& layer, const Dense& x) {
    const bool is_max = layer.kind == Kind::max_pool;
    Dense y(layer.window.places() * layer.window.input.channels, x.cols,
            is_max ? -std::numeric_limits<double>::infinity() : 0);
    for (Index m = 0; m < x.cols; ++m)
      for_windows(layer.window, [&](Index out, Index in, double size) {
        y(out, m) = is_max ? std::max(y(out, m), x(in, m)) : y(out, m) + x(in, m) / size;
      });
    return y;
  }

  /// The number of the set of elements that are normalised together.
  [[nodiscard]] std::size_t set_of(std::size_t n, std::size_t element) const {
    const auto c = static_cast<std::size_t>(spec.shape(n + 1).channels);
    if (layers_[n].kind == Kind::batch_norm) return element % c;
    const auto size = static_cast<std::size_t>(spec.shape(n + 1).size());
    const auto groups = static_cast<std::size_t>(layers_[n].groups);
    return element / size * groups + element % c / (c / groups);
  }

  /// γ x̂ + β, channels × pixels; x̂ stays in hats_.
  Dense normalised(std::size_t n, const Dense& x) {
    hats_.resize(layers_.size());
    const std::size_t sets = layers_[n].kind == Kind::batch_norm
                                 ? static_cast<std::size_t>(spec.shape(n + 1).channels)
                                 : static_cast<std::size_t>(layers_[n].groups) * static_cast<std::size_t>(x.cols);
    std::vector<double> mean(sets);
    std::vector<double> variance(sets);
    const double count = static_cast<double>(x.values.size()) / static_cast<double>(sets);
    for (std::size_t k = 0; k < x.values.size(); ++k) mean[set_of(n, k)] += x.values[k] / count;
    for (std::size_t k = 0; k < x.values.size(); ++k)
      variance[set_of(n, k)] += (x.values[k] - mean[set_of(n, k)]) * (x.values[k] - mean[set_of(n, k)]) / count;
    Dense hat = reshaped(x, spec.shape(n + 1).channels);
    for (std::size_t k = 0; k < x.values.size(); ++k)
      hat.values[k] = (x.values[k] - mean[set_of(n, k)]) / std::sqrt(variance[set_of(n, k)] + 1e-5);
    deviations_[n] = variance;
    for (double& value : deviations_[n]) value = std::sqrt(value + 1e-5);
    Dense y = hat;
    const std::size_t norm = layers_[n].parameter;
    for (Index k = 0; k < y.cols; ++k)
      for (Index c = 0; c < y.rows; ++c) y(c, k) = gamma(norm, c) * hat(c, k) + beta(norm, c);
    hats_[n] = std::move(hat);
    return y;
  }

  void output_difference(const std::vector<std::int32_t>& labels) {
    const Dense& f = tensors.back();
    Dense& d = differences_.back();
    loss = 0;
    for (Index m = 0; m < f.cols; ++m) {
      const auto label = labels[static_cast<std::size_t>(m)];
      double total = 0;
      for (Index r = 0; r < f.rows; ++r) total += std::exp(f(r, m));
      loss -= std::log(std::exp(f(label, m)) / total);
      for (Index r = 0; r < f.rows; ++r) d(r, m) = std::exp(f(r, m)) / total - (r == label ? 1 : 0);
    }
  }

  void back(std::size_t n, const Dense& s, const OnMap& on_map, const OnScales& on_scales) {
    const ReferenceLayer& layer = layers_[n];
    const std::size_t input = spec.nodes[n].inputs[0];
    const Dense& x = tensors[input];
    Dense& to = differences_[input];
    if (layer.kind == Kind::map) {
      on_map(layer.parameter, patches_of(layer.window, x), s);
      add_patches(layer.window, product(transpose(maps[layer.parameter]), s), to);
    } else if (is_norm(layer)) {
      on_scales(layer.parameter, hats_[n], s);
      back_normalised(n, s, to);
    } else if (layer.kind == Kind::sum) {
      add(to, s);
      add(differences_[spec.nodes[n].inputs[1]], s);
    } else if (layer.kind == Kind::activation) {
      add(to, s);
    } else {
      back_pooled(layer, x, tensors[n + 1], s, to);
    }
  }

  /// D_in += (T − mean(T) − x̂ mean(T ∘ x̂)) / deviation over each set, T = γ S.
  void back_normalised(std::size_t n, const Dense& s, Dense& to) const {
    Dense t = s;
    for (Index k = 0; k < t.cols; ++k)
      for (Index c = 0; c < t.rows; ++c) t(c, k) *= gamma(layers_[n].parameter, c);
    const std::size_t sets = deviations_[n].size();
    const double count = static_cast<double>(t.values.size()) / static_cast<double>(sets);
    std::vector<double> mean(sets);
    std::vector<double> slope(sets);
    for (std::size_t k = 0; k < t.values.size(); ++k) {
      mean[set_of(n, k)] += t.values[k] / count;
      slope[set_of(n, k)] += t.values[k] * hats_[n].values[k] / count;
    }
    for (std::size_t k = 0; k < t.values.size(); ++k)
      to.values[k] +=
          (t.values[k] - mean[set_of(n, k)] - hats_[n].values[k] * slope[set_of(n, k)]) / deviations_[n][set_of(n, k)];
  }

  static void back_pooled(const ReferenceLayer& layer, const Dense& x, const Dense& y, const Dense& s, Dense& to) {
    for (Index m = 0; m < x.cols; ++m) {
      std::vector<bool> is_taken(static_cast<std::size_t>(y.rows));
      for_windows(layer.window, [&](Index out, Index in, double size) {
        if (layer.kind == Kind::mean_pool) {
          to(in, m) += s(out, m) / size;
        } else if (!is_taken[static_cast<std::size_t>(out)] && x(in, m) == y(out, m)) {
          is_taken[static_cast<std::size_t>(out)] = true;
          to(in, m) += s(out, m);
        }
      });
    }
  }
};

}  // namespace sibp::naive
