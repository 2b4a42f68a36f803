// What waiting for other ranks costs: the time of a training step over that of the same step with collectives that do
// nothing, taken in turns in one process. Prints JSON.
//
//   mpirun -np 2 bench_overlap WIDTHS BATCH STEPS [FORM [SUMS [WIRE]]]
//
// WIDTHS is a network such as 784-500-10. Without FORM, or with "auto", the forms are chosen as in training; SUMS and
// WIRE are as in the program's --sums and --wire.

#include "sibp/comm/environment.hpp"
#include "sibp/update/calibration.hpp"

#include "bench/idle_backend.hpp"
#include "bench/trainee.hpp"

#include <cstdio>
#include <exception>
#include <optional>

#include <fmt/format.h>

namespace sibp {
namespace {

using bench::median;
using bench::timed_step;
using bench::Trainee;

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
    if (argc > 5)
      sums.sums = sibp::bench::named(argv[5], {sibp::Sums::automatic, sibp::Sums::shared, sibp::Sums::library});
    if (argc > 6) sums.wire = sibp::bench::named(argv[6], {sibp::Wire::float32, sibp::Wire::bfloat16});
    sibp::measure(sibp::make_mpi_communicator(sums), sibp::bench::spec_of(argv[1]), std::stoll(argv[2]),
                  std::stoi(argv[3]), form);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "bench_overlap: error: %s\n", error.what());
    sibp::MpiEnvironment::abort(1);
  }
  environment.finish();
}
