// The device's operations over sizes.
#include "sibp/device/device.hpp"

#include "bench/counters.hpp"

namespace sibp {
namespace {

/// A matrix whose elements differ, all within ½ of zero.
Matrix filled(Device& device, Index rows, Index cols) {
  Matrix matrix = device.allocate(rows, cols);
  const MatrixView view = matrix.view();
  for (Index k = 0; k < view.size(); ++k) view.data[k] = static_cast<Real>(k * 7919 % 1009) / 1009 - Real(0.5);
  return matrix;
}

/// A + λI with A of rank n, as the update has it; only one of many factorisations is of use, so L = I will do.
Matrix identity(Device& device, Index n) {
  Matrix matrix = device.allocate(n, n);
  device.damp(matrix.view(), 1, 0);
  return matrix;
}

void gemm(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Index m = state.range(0);
  const Index n = state.range(1);
  const Index k = state.range(2);
  const Matrix a = filled(*device, m, k);
  const Matrix b = filled(*device, k, n);
  Matrix c = device->allocate(m, n);
  for (auto _ : state) device->gemm(Op::none, Op::none, 1, a.view(), b.view(), 0, c.view());
  bench::count_flops(state, 2.0 * static_cast<double>(m * n * k));
}
BENCHMARK(gemm)->ArgNames({"m", "n", "k"})->Args({128, 128, 128})->Args({512, 512, 512})->Args({1280, 1280, 1280});
BENCHMARK(gemm)->ArgNames({"m", "n", "k"})->Args({500, 100, 785})->Args({4000, 100, 3073})->Args({4000, 500, 3073});

void syrk(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Index n = state.range(0);
  const Index k = state.range(1);
  const Matrix a = filled(*device, n, k);
  Matrix c = device->allocate(n, n);
  for (auto _ : state) device->syrk(Op::none, 1, a.view(), 0, c.view());
  bench::count_flops(state, static_cast<double>(n * n * k));
}
BENCHMARK(syrk)->ArgNames({"n", "k"})->Args({128, 128})->Args({785, 100})->Args({1001, 500})->Args({100, 3073});

void cholesky(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Index n = state.range(0);
  Matrix a = identity(*device, n);
  for (auto _ : state) benchmark::DoNotOptimize(device->cholesky(a.view()));
  bench::count_flops(state, static_cast<double>(n * n * n) / 3);
}
BENCHMARK(cholesky)->ArgName("n")->Arg(100)->Arg(500)->Arg(785)->Arg(2000);

template <bool left>
void solve(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Index n = state.range(0);
  const Index m = state.range(1);
  const Matrix factor = identity(*device, n);
  Matrix x = filled(*device, left ? n : m, left ? m : n);
  for (auto _ : state) {
    if constexpr (left) {
      device->solve_left(factor.view(), x.view());
    } else {
      device->solve_right(factor.view(), x.view());
    }
  }
  bench::count_flops(state, 2.0 * static_cast<double>(n * n * m));
}
BENCHMARK(solve<true>)->Name("solve_left")->ArgNames({"n", "m"})->Args({100, 500})->Args({785, 500})->Args({1001, 100});
BENCHMARK(solve<false>)->Name("solve_right")->ArgNames({"n", "m"})->Args({100, 500})->Args({500, 4000});

/// Pictures of so many pixels by as many, 3 channels, as they are or changed.
void load_batch(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const TensorShape shape{state.range(0), state.range(0), 3};
  const Index samples = state.range(1);
  const std::vector<PictureChange> changes(
      state.range(2) != 0 ? static_cast<std::size_t>(samples) : 0,
      {.mirrored = true, .down = 1, .right = -2, .hole_top = 3, .hole_left = 2, .hole_size = 8});
  Samples all{shape, std::vector<std::uint8_t>(static_cast<std::size_t>(4 * samples * shape.size()), 7),
              std::vector<std::int32_t>(static_cast<std::size_t>(4 * samples), 1)};
  const auto store = device->store(std::move(all));
  std::vector<Index> columns(static_cast<std::size_t>(samples));
  for (Index j = 0; j < samples; ++j) columns[static_cast<std::size_t>(j)] = (j * 7919) % (4 * samples);
  const Matrix shift = filled(*device, shape.size(), 1);
  const Matrix scale = filled(*device, shape.size(), 1);
  Matrix inputs = device->allocate(shape.size(), samples);
  const auto labels = device->allocate_labels(samples);
  for (auto _ : state) {
    device->load_batch(*store, columns, shift.view(), scale.view(), inputs.view(), {labels.get(), samples}, changes);
  }
  bench::count_bytes(state, static_cast<double>(shape.size() * samples) * (1 + sizeof(Real)));
}
BENCHMARK(load_batch)
    ->ArgNames({"side", "samples", "changed"})
    ->Args({16, 100, 0})
    ->Args({32, 500, 0})
    ->Args({32, 500, 1});

void activate(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const auto activation = static_cast<Activation>(state.range(0));
  Matrix f = filled(*device, state.range(1), state.range(2));
  for (auto _ : state) device->activate(activation, f.view());
  bench::count_bytes(state, 2.0 * static_cast<double>(f.size()) * sizeof(Real));
}
BENCHMARK(activate)
    ->ArgNames({"activation", "n", "samples"})
    ->Args({static_cast<int>(Activation::relu), 4000, 500})
    ->Args({static_cast<int>(Activation::sigmoid), 4000, 500})
    ->Args({static_cast<int>(Activation::tanh), 4000, 500});

void softmax_cross_entropy(benchmark::State& state) {
  const auto device = make_cpu_device(1);
  const Index samples = state.range(0);
  const Matrix f = filled(*device, 10, samples);
  Matrix d = device->allocate(10, samples);
  const auto labels = device->allocate_labels(samples);
  for (auto _ : state) device->softmax_cross_entropy(f.view(), {labels.get(), samples}, 0, d.view());
  benchmark::DoNotOptimize(device->take_loss_sums());
  bench::count_bytes(state, 2.0 * static_cast<double>(f.size()) * sizeof(Real));
}
BENCHMARK(softmax_cross_entropy)->ArgName("samples")->Arg(100)->Arg(6000);

}  // namespace
}  // namespace sibp
