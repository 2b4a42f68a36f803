// One layer's part of a training step in every form of the update, on one rank: the difference is carried and the
// weights are updated.
#include "sibp/update/cost_model.hpp"
#include "sibp/update/semi_implicit.hpp"

#include "bench/counters.hpp"

namespace sibp {
namespace {

Matrix filled(Device& device, Index rows, Index cols) {
  Matrix matrix = device.allocate(rows, cols);
  const MatrixView view = matrix.view();
  for (Index k = 0; k < view.size(); ++k) view.data[k] = static_cast<Real>(k * 7919 % 1009) / 1009 - Real(0.5);
  return matrix;
}

void update(benchmark::State& state, Form form) {
  const LayerSpec layer{state.range(0), state.range(1), Activation::identity};
  const Index batch = state.range(2);
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  const UpdateContext context{*device, make_self_communicator(), clock};
  const auto rule = make_semi_implicit(context, {.layers = {layer}}, {{}, Carry::new_weights, {form}, batch, batch});
  const Matrix features = filled(*device, layer.fan_in(), batch);
  const Matrix masked = filled(*device, layer.outputs, batch);
  Matrix weights = device->allocate(layer.outputs, layer.fan_in());
  Matrix carried = device->allocate(layer.inputs, batch);
  for (auto _ : state) {
    rule->features_ready(0, features.view());
    rule->backward({.layer = 0,
                    .spec = layer,
                    .global_batch = batch,
                    .eta = 1e-3,
                    .features = features.view(),
                    .activations = masked.view(),
                    .difference = masked.view(),
                    .masked = masked.view(),
                    .weights = weights.view(),
                    .carried = carried.view()});
    rule->finish_step();
  }
  const double flops_carried = 2.0 * static_cast<double>(layer.inputs * layer.outputs * batch);
  const LayerCost cost = semi_implicit_cost(form, {layer, true, {batch, 1}}, MachineRates::uniform(1, 0, 1));
  bench::count_flops(state, cost.flops_update + flops_carried);
}

void layers_and_batches(benchmark::internal::Benchmark* benchmark) {
  benchmark->ArgNames({"inputs", "outputs", "batch"})->Unit(benchmark::kMillisecond);
  for (const Index batch : {100, 1000}) {
    benchmark->Args({784, 500, batch})->Args({500, 10, batch})->Args({1000, 1000, batch});
  }
  benchmark->Args({3072, 4000, 100})->Args({3072, 4000, 500});
}
BENCHMARK_CAPTURE(update, normal, Form::normal)->Apply(layers_and_batches);
BENCHMARK_CAPTURE(update, activations, Form::activations)->Apply(layers_and_batches);
BENCHMARK_CAPTURE(update, dual, Form::dual)->Apply(layers_and_batches);

}  // namespace
}  // namespace sibp
