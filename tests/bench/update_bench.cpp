// One layer's part of a training step in every form of the update, on one rank: the difference is carried and the
// weights are updated.
#include "sibp/layer/language.hpp"
#include "sibp/layer/workspace.hpp"
#include "sibp/update/cost_model.hpp"
#include "sibp/update/semi_implicit.hpp"

#include "bench/counters.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

void update(benchmark::State& state, Form form) {
  const Index inputs = state.range(0);
  const Index outputs = state.range(1);
  const Index batch = state.range(2);
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  const UpdateContext context{*device, make_self_communicator(), clock};
  // The layer that is measured is the second, so that it carries its difference; nothing else takes part.
  const NetworkSpec spec =
      parse_network(fmt::format("dense({},identity) dense({})", inputs, outputs), 1, Loss::squared_error, {});
  Network network = make_network(*device, spec, {}, 1);
  Workspace workspace(*device, context.communicator, network, batch);
  workspace.set_samples(batch);
  const auto fill = [](MatrixView view) {
    for (Index k = 0; k < view.size(); ++k) view.data[k] = static_cast<Real>(k * 7919 % 1009) / 1009 - Real(0.5);
  };
  fill(workspace.inputs().values());
  for (const auto& layer : workspace.layers()) layer->forward(Pass::training);
  fill(workspace.output_difference());
  Layer& layer = *workspace.layers()[1];
  const auto rule = make_semi_implicit(context, spec, {{}, Carry::new_weights, {form}, {batch, batch}});
  for (auto _ : state) {
    for (const auto& each : workspace.layers()) rule->features_ready(*each->map());
    layer.backward();
    rule->backward(*layer.map(), {batch, 1e-3});
  }
  const double flops_carried = 2.0 * static_cast<double>(inputs * outputs * batch);
  const LayerCost cost = semi_implicit_cost(form, {spec.maps[1], true, {batch, 1}}, MachineRates::uniform(1, 0, 1));
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
BENCHMARK_CAPTURE(update, low_rank, Form::low_rank)->Apply(layers_and_batches);

}  // namespace
}  // namespace sibp
