// What networks do beside products, over the shapes of small convolutional networks at batch 128. Bytes a second are
// those that must be read and written, once.
#include "sibp/device/device.hpp"

#include "bench/counters.hpp"

#include <vector>

namespace sibp {
namespace {

constexpr Index samples = 128;

/// A tensor whose elements differ, all within ½ of zero.
Matrix filled(Device& device, Index rows, Index cols = samples) {
  Matrix matrix = device.allocate(rows, cols);
  const MatrixView view = matrix.view();
  for (Index k = 0; k < view.size(); ++k) view.data[k] = static_cast<Real>(k * 7919 % 1009) / 1009 - Real(0.5);
  return matrix;
}

TensorShape shape_of(const benchmark::State& state) {
  return {state.range(0), state.range(0), state.range(1)};
}

void count_elements(benchmark::State& state, Index elements) {
  bench::count_bytes(state, static_cast<double>(elements) * sizeof(Real));
}

void tensors(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"side", "channels"})->Args({32, 64})->Args({16, 128})->Args({8, 256})->Args({32, 3});
}

/// Patches of a 3 × 3 convolution, in blocks that stay in the cache, as layers ask for them.
template <bool folds>
void patches(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Window window{shape_of(state), 3, 3, 1, 1};
  const Index block = std::max<Index>(1, 65536 / window.patch());
  Matrix images = filled(*device, window.input.size());
  Matrix unfolded = filled(*device, window.patch(), block);
  const Index places = samples * window.places();
  for (auto _ : state) {
    for (Index first = 0; first + block <= places; first += block) {
      if constexpr (folds) {
        device->fold(window, unfolded.view(), first, images.view());
      } else {
        device->unfold(window, images.view(), first, unfolded.view());
      }
    }
  }
  count_elements(state, places * window.patch());
}
BENCHMARK(patches<false>)->Name("unfold")->Apply(tensors)->Args({28, 1});
BENCHMARK(patches<true>)->Name("fold")->Apply(tensors)->Args({28, 1});

template <bool maxima, bool backward>
void pool(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Window window{shape_of(state), 2, 2, 2, 0};
  const Index outputs = window.places() * window.input.channels;
  const Matrix x = filled(*device, window.input.size());
  Matrix y = filled(*device, outputs);
  const Matrix dy = filled(*device, outputs);
  Matrix dx = filled(*device, window.input.size());
  if constexpr (maxima) device->max_pool(window, x.view(), y.view());
  for (auto _ : state) {
    if constexpr (maxima && backward) {
      device->max_pool_backward(window, x.view(), y.view(), dy.view(), 0, dx.view());
    } else if constexpr (maxima) {
      device->max_pool(window, x.view(), y.view());
    } else if constexpr (backward) {
      device->mean_pool_backward(window, dy.view(), 0, dx.view());
    } else {
      device->mean_pool(window, x.view(), y.view());
    }
  }
  const Index inputs = maxima && backward ? 2 : 1;
  count_elements(state, inputs * x.size() + (maxima && backward ? 2 : 1) * y.size());
}
BENCHMARK(pool<true, false>)->Name("max_pool")->Apply(tensors);
BENCHMARK(pool<true, true>)->Name("max_pool_backward")->Apply(tensors);
BENCHMARK(pool<false, false>)->Name("mean_pool")->Apply(tensors);
BENCHMARK(pool<false, true>)->Name("mean_pool_backward")->Apply(tensors);

template <bool per_sample>
void channel_sums(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const TensorShape shape = shape_of(state);
  const Matrix x = filled(*device, shape.size());
  const Matrix z = filled(*device, shape.size());
  std::vector<double> sums(static_cast<std::size_t>(2 * shape.channels * (per_sample ? samples : 1)));
  for (auto _ : state) device->channel_sums(shape.channels, x.view(), z.view(), sums);
  count_elements(state, 2 * x.size());
}
BENCHMARK(channel_sums<false>)->Name("channel_sums")->Apply(tensors)->Args({1, 4000});
BENCHMARK(channel_sums<true>)->Name("channel_sums_of_samples")->Apply(tensors);

template <bool has_z, Activation activation>
void combine_channels(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const TensorShape shape = shape_of(state);
  Matrix x = filled(*device, shape.size());
  const Matrix z = filled(*device, shape.size());
  const std::vector<double> one(static_cast<std::size_t>(shape.channels), 0.5);
  const ConstMatrixView second = has_z ? z.view() : ConstMatrixView{};
  for (auto _ : state)
    device->combine_channels(shape.channels, {one, one, one}, x.view(), second, activation, 0, x.view());
  count_elements(state, (has_z ? 3 : 2) * x.size());
}
BENCHMARK(combine_channels<false, Activation::relu>)->Name("combine_channels/relu")->Apply(tensors)->Args({1, 4000});
BENCHMARK(combine_channels<true, Activation::identity>)->Name("combine_channels/two")->Apply(tensors)->Args({1, 4000});
BENCHMARK(combine_channels<false, Activation::gelu>)->Name("combine_channels/gelu")->Apply(tensors);

void dropout(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  Matrix x = filled(*device, 4000);
  const std::vector<std::uint64_t> keys(samples, 77);
  for (auto _ : state) device->dropout(0.5, keys, x.view(), x.view());
  count_elements(state, 2 * x.size());
}
BENCHMARK(dropout);

template <Activation activation>
void apply_derivative(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Matrix f = filled(*device, 4000);
  const Matrix d = filled(*device, 4000);
  Matrix s = device->allocate(4000, samples);
  for (auto _ : state) device->apply_derivative(activation, f.view(), d.view(), s.view());
  count_elements(state, 3 * f.size());
}
BENCHMARK(apply_derivative<Activation::relu>);
BENCHMARK(apply_derivative<Activation::tanh>);
BENCHMARK(apply_derivative<Activation::gelu>);

void adam_step(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Matrix gradient = filled(*device, 1000, 785);
  Matrix m = filled(*device, 1000, 785);
  Matrix v = device->allocate(1000, 785);
  Matrix w = filled(*device, 1000, 785);
  for (auto _ : state) device->adam_step({}, gradient.view(), m.view(), v.view(), w.view());
  count_elements(state, 7 * w.size());
}
BENCHMARK(adam_step);

}  // namespace
}  // namespace sibp
