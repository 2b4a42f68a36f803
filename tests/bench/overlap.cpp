// What waiting for other ranks costs: the time of a training step over that of the same step with collectives that do
// nothing, taken in turns in one process. Prints JSON.
//
//   mpirun -np 2 bench_overlap WIDTHS BATCH STEPS [FORM [SUMS [WIRE]]]
//
// WIDTHS is a network such as 784-500-10. Without FORM, or with "auto", the forms are chosen as in training; SUMS and
// WIRE are as in the program's --sums and --wire.

#include "sibp/comm/environment.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/calibration.hpp"
#include "sibp/update/semi_implicit.hpp"

#include "bench/idle_backend.hpp"

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <exception>
#include <optional>

#include <fmt/format.h>

namespace sibp {
namespace {

NetworkSpec spec_of(const std::string& widths) {
  const auto first = widths.find('-');
  const auto last = widths.rfind('-');
  require(first != std::string::npos && last > first, "WIDTHS: expected at least one hidden layer, as in 784-500-10");
  std::string hidden = widths.substr(first + 1, last - first - 1);
  std::replace(hidden.begin(), hidden.end(), '-', ',');
  return network_from_widths(hidden, std::stoll(widths.substr(0, first)), std::stoll(widths.substr(last + 1)),
                             Loss::softmax_cross_entropy, Activation::relu);
}

template <class T>
T named(std::string_view name, std::initializer_list<T> values) {
  for (const T value : values)
    if (name == name_of(value)) return value;
  throw Error(ExitStatus::usage, fmt::format("SUMS, WIRE: found '{}', expected a value of --sums and of --wire", name));
}

/// So large that a system is positive definite even where the other ranks' part of it is missing.
constexpr Damping damping{Damping::Kind::absolute, 1e9};

/// A rank's network and batch, trained through one communicator.
class Trainee {
 public:
  Trainee(const Communicator& communicator, const NetworkSpec& spec, const std::vector<Form>& forms, Index batch)
      : context_{*device_, communicator, clock_},
        network_(make_network(*device_, spec, {}, 1)),
        batch_(batch),
        workspace_(*device_, communicator, network_, batch / communicator.size()),
        rule_(make_semi_implicit(context_, spec,
                                 {damping, Carry::new_weights, forms, {batch, batch / communicator.size()}})) {
    if (communicator.size() > 1) device_->set_progress([communicator] { communicator.poll(); });
    workspace_.set_samples(batch / communicator.size());
    const MatrixView inputs = workspace_.inputs().values();
    for (Index c = 0; c < inputs.cols; ++c)
      for (Index r = 0; r < inputs.rows; ++r)
        inputs(r, c) = static_cast<Real>((c * inputs.rows + r) * 7919 % 1009) / 1009 - Real(0.5);
    for (Index j = 0; j < inputs.cols; ++j) workspace_.labels().data[j] = static_cast<std::int32_t>(j % spec.outputs());
  }

  void step() { training_step(context_, *rule_, workspace_, {batch_, 1e-4}, {}); }

 private:
  std::unique_ptr<Device> device_ = make_cpu_device(1);
  PhaseClock clock_;
  UpdateContext context_;
  Network network_;
  Index batch_;
  Workspace workspace_;
  std::unique_ptr<UpdateRule> rule_;
};

/// Seconds of one step, on the rank that needs most.
double timed_step(Trainee& trainee, const Communicator& world) {
  using Clock = std::chrono::steady_clock;
  world.barrier();
  const auto start = Clock::now();
  trainee.step();
  return world.max(std::chrono::duration<double>(Clock::now() - start).count());
}

double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

void measure(const Communicator& world, const NetworkSpec& spec, Index batch, int steps, std::optional<Form> form) {
  require(batch > 0 && batch % world.size() == 0, "BATCH: expected a multiple of the number of ranks");
  require(steps > 0, "STEPS: expected at least 1");
  const auto device = make_cpu_device(1);
  const auto forms =
      form ? everywhere_it_fits(*form, spec)
           : choose_forms(spec, {batch, world.size()}, calibrate(*device, world), forms_on(world.size(), true));
  Trainee real(world, spec, forms, batch);
  const Communicator nobody(std::make_shared<bench::IdleBackend>(world.rank(), world.size()));
  Trainee idle(nobody, spec, forms, batch);
  std::vector<double> seconds_real;
  std::vector<double> seconds_idle;
  for (int k = -1; k < steps; ++k) {  // the first of each warms up
    const double with = timed_step(real, world);
    const double without = timed_step(idle, world);
    if (k < 0) continue;
    seconds_real.push_back(with);
    seconds_idle.push_back(without);
  }
  if (!world.is_root()) return;
  fmt::print(
      "{{\"network\": \"{}\", \"ranks\": {}, \"batch\": {}, \"forms\": \"{}\", \"sums\": \"{}\", \"seconds\": {}, "
      "\"seconds_idle\": {}, \"ratio\": {}}}\n",
      short_name(spec), world.size(), batch, to_text(forms), name_of(world.sums()), median(seconds_real),
      median(seconds_idle), median(seconds_real) / median(seconds_idle));
}

}  // namespace
}  // namespace sibp

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  if (argc < 4 || argc > 7) {
    std::fputs("usage: mpirun -np P bench_overlap WIDTHS BATCH STEPS [FORM [SUMS [WIRE]]]\n", stderr);
    sibp::MpiEnvironment::abort(2);
  }
  try {
    const std::string_view form_name = argc > 4 ? argv[4] : "auto";
    const auto form = sibp::form_from_name(form_name);
    sibp::require(form || form_name == "auto", "FORM: expected auto or the name of a form");
    sibp::SumOptions sums;
    if (argc > 5) sums.sums = sibp::named(argv[5], {sibp::Sums::automatic, sibp::Sums::shared, sibp::Sums::library});
    if (argc > 6) sums.wire = sibp::named(argv[6], {sibp::Wire::float32, sibp::Wire::bfloat16});
    sibp::measure(sibp::make_mpi_communicator(sums), sibp::spec_of(argv[1]), std::stoll(argv[2]), std::stoi(argv[3]),
                  form);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_overlap: error: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
}
