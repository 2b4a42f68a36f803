// What a training step of a network costs: forward and backward pass over the rate of large products, and a
// semi-implicit step over a step of gradient descent, taken in turns in one process on one thread. Prints JSON.
//
//   bench_step NETWORK HEIGHTxWIDTHxCHANNELS BATCH STEPS
//
// NETWORK is the name of a network or layers in the layer language, such as "conv(16,3) norm relu meanpool dense(10)".

#include "sibp/comm/environment.hpp"
#include "sibp/device/shape_text.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/methods.hpp"

#include "app/cli/networks.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

template <class Work>
double seconds_of(const Work& work) {
  using Clock = std::chrono::steady_clock;
  const auto start = Clock::now();
  work();
  return std::chrono::duration<double>(Clock::now() - start).count();
}

void fill(MatrixView view) {
  for (Index c = 0; c < view.cols; ++c)
    for (Index r = 0; r < view.rows; ++r)
      view(r, c) = static_cast<Real>((c * view.rows + r) * 7919 % 1009) / 1009 - Real(0.5);
}

/// A network and its batch, trained by one method.
class Trainee {
 public:
  Trainee(Device& device, const NetworkSpec& spec, Method method, Index batch)
      : context_{device, make_self_communicator(), clock_},
        network_(make_network(device, spec, {}, 1)),
        workspace_(device, context_.communicator, network_, batch),
        batch_(batch) {
    MethodOptions options = default_options(method);
    options.forms = std::vector<Form>(spec.maps.size(), Form::normal);
    rule_ = make_update_rule(context_, spec, options, {batch, batch});
    workspace_.set_samples(batch);
    fill(workspace_.inputs().values());
    for (Index j = 0; j < batch; ++j)
      workspace_.labels().data[j] = static_cast<std::int32_t>(j % workspace_.spec().outputs());
  }

  void step() { training_step(context_, *rule_, workspace_, {batch_, 1e-3}, {}); }

 private:
  PhaseClock clock_;
  UpdateContext context_;
  Network network_;
  Workspace workspace_;
  Index batch_;
  std::unique_ptr<UpdateRule> rule_;
};

/// Flops of the products of a forward and backward pass.
double flops_of(const NetworkSpec& spec, Index batch) {
  double flops = 0;
  for (const MapShape& map : spec.maps) {
    const double product = 2.0 * static_cast<double>(map.outputs * map.fan_in() * map.columns * batch);
    flops += product * (&map == &spec.maps.front() ? 2 : 3);  // the first carries nothing
  }
  return flops;
}

void measure(const std::string& text, const TensorShape& shape, Index batch, int steps) {
  const auto device = make_cpu_device(1);
  const NetworkSpec spec =
      parse_network(layers_of_network(text).value_or(text), shape, Loss::softmax_cross_entropy, Activation::relu);
  constexpr Index side = 1024;
  Matrix a = device->allocate(side, side);
  Matrix b = device->allocate(side, side);
  fill(a.view());
  Trainee sgd(*device, spec, Method::sgd, batch);
  Trainee sibp(*device, spec, Method::sibp, batch);
  std::vector<double> of_product, of_sgd, of_sibp;
  for (int k = -1; k < steps; ++k) {  // the first of each warms up
    const double product = seconds_of([&] { device->gemm(Op::none, Op::none, 1, a.view(), a.view(), 0, b.view()); });
    const double plain = seconds_of([&] { sgd.step(); });
    const double implicit = seconds_of([&] { sibp.step(); });
    if (k < 0) continue;
    of_product.push_back(product);
    of_sgd.push_back(plain);
    of_sibp.push_back(implicit);
  }
  // Every tenth step forms and factorises A: the mean over them counts, not the median.
  double mean_sibp = 0;
  double mean_sgd = 0;
  for (const double seconds : of_sibp) mean_sibp += seconds / steps;
  for (const double seconds : of_sgd) mean_sgd += seconds / steps;
  const double peak = 2.0 * side * side * side / median(of_product);
  const double rate = flops_of(spec, batch) / median(of_sgd);
  fmt::print(
      "{{\"network\": \"{}\", \"batch\": {}, \"peak_gflops\": {:.1f}, \"sgd_gflops\": {:.1f}, \"share_of_peak\": "
      "{:.3f}, "
      "\"seconds_sgd\": {:.5f}, \"seconds_sibp\": {:.5f}, \"ratio\": {:.3f}}}\n",
      short_name(spec), batch, peak / 1e9, rate / 1e9, rate / peak, median(of_sgd), mean_sibp, mean_sibp / mean_sgd);
}

}  // namespace
}  // namespace sibp

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  if (argc != 5) {
    std::fputs("usage: bench_step NETWORK HEIGHTxWIDTHxCHANNELS BATCH STEPS\n", stderr);
    sibp::MpiEnvironment::abort(2);
  }
  try {
    const auto shape = sibp::shape_from_text(argv[2]);
    sibp::require(shape.has_value(), "HEIGHTxWIDTHxCHANNELS: expected a shape such as 32x32x3");
    sibp::measure(argv[1], *shape, std::stoll(argv[3]), std::stoi(argv[4]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_step: error: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
}
