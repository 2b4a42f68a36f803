// What the forms of the update cost, and whether the default choice is among the best: the time of a training step in
// each form, in the default choice and in the choice by measured rates, taken in turns in one process. Of so many steps
// the shortest counts, as other work can only slow them. Prints JSON.
//
//   mpirun -np P bench_forms WIDTHS BATCH STEPS [SUMS]

#include "sibp/comm/environment.hpp"
#include "sibp/update/calibration.hpp"
#include "sibp/update/nominal_rates.hpp"

#include "bench/trainee.hpp"

#include <cstdio>
#include <exception>
#include <memory>

namespace sibp {
namespace {

using bench::Trainee;

/// A way to take the step, and what it took.
struct Contender {
  std::string name;
  std::vector<Form> forms;
  std::unique_ptr<Trainee> trainee{};
  double seconds = 1e300;  ///< the least
};

/// What takes the same forms is the same contender.
void add(std::vector<Contender>& all, std::string_view name, const std::vector<Form>& forms) {
  const auto same = std::ranges::find(all, forms, &Contender::forms);
  if (same == all.end()) {
    all.push_back({std::string(name), forms});
  } else {
    same->name.append(" ").append(name);
  }
}

std::vector<Contender> contenders(const Communicator& world, const NetworkSpec& spec, Index batch) {
  const auto device = make_cpu_device(1);
  const auto candidates = forms_on(world.size(), true);
  const bool shares_memory = world.make_all_gather(*device, 1)->in_shared_memory();
  const auto chosen = [&](const MachineRates& rates) {
    return choose_forms(spec, {batch, world.size()}, rates, candidates);
  };
  std::vector<Contender> all;
  add(all, "auto", chosen(nominal_rates({.ranks = world.size(), .shares_memory = shares_memory})));
  add(all, "measure", chosen(calibrate(*device, world)));
  for (const Form form : candidates) add(all, name_of(form), everywhere_it_fits(form, spec));
  return all;
}

void print(const Communicator& world, const NetworkSpec& spec, Index batch, const std::vector<Contender>& all) {
  if (!world.is_root()) return;
  const double of_auto = all.front().seconds;
  double least = of_auto;
  std::string forms;
  for (const Contender& each : all) {
    least = std::min(least, each.seconds);
    forms += fmt::format(", \"{}\": {{\"forms\": \"{}\", \"seconds\": {:.6f}, \"over_auto\": {:.3f}}}", each.name,
                         to_text(each.forms), each.seconds, each.seconds / of_auto);
  }
  fmt::print("{{\"network\": \"{}\", \"ranks\": {}, \"batch\": {}, \"sums\": \"{}\", \"auto_over_best\": {:.3f}{}}}\n",
             short_name(spec), world.size(), batch, name_of(world.sums()), of_auto / least, forms);
}

void measure(const Communicator& world, const NetworkSpec& spec, Index batch, int steps) {
  require(batch > 0 && batch % world.size() == 0, "BATCH: expected a multiple of the number of ranks");
  require(steps > 0, "STEPS: expected at least 1");
  std::vector<Contender> all = contenders(world, spec, batch);
  for (Contender& each : all) each.trainee = std::make_unique<Trainee>(world, spec, each.forms, batch);
  for (int k = -1; k < steps; ++k) {  // the first of each warms up
    for (Contender& each : all) {
      const double seconds = bench::timed_step(*each.trainee, world);
      if (k >= 0) each.seconds = std::min(each.seconds, seconds);
    }
  }
  print(world, spec, batch, all);
}

}  // namespace
}  // namespace sibp

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  if (argc < 4 || argc > 5) {
    std::fputs("usage: mpirun -np P bench_forms WIDTHS BATCH STEPS [SUMS]\n", stderr);
    sibp::MpiEnvironment::abort(2);
  }
  try {
    sibp::SumOptions sums;
    if (argc > 4)
      sums.sums = sibp::bench::named(argv[4], {sibp::Sums::automatic, sibp::Sums::shared, sibp::Sums::library});
    sibp::measure(sibp::make_mpi_communicator(sums), sibp::bench::spec_of(argv[1]), std::stoll(argv[2]),
                  std::stoi(argv[3]));
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_forms: error: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
}
