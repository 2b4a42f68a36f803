// A training in which one rank misbehaves, for test_faults.py: fault_program FAULT LIMIT
//
//   sleep   rank 1 sleeps in step 5
//   leave   rank 1 skips the collectives from step 5 on, and waits for the others at the end
//   exit    rank 1 ends its process in step 5, with status 0
//
// LIMIT is that of the watchdog, in seconds.
#include "sibp/comm/communicator.hpp"
#include "sibp/comm/environment.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/watchdog.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <string>
#include <thread>

namespace {

using namespace sibp;

struct Left {};

/// Misbehaves after step 4.
class Fault final : public TrainingObserver {
 public:
  explicit Fault(std::string kind) : kind_(std::move(kind)) {}
  void on_step(Index step, Index, double, Index) override {
    if (step != 4) return;
    if (kind_ == "sleep") std::this_thread::sleep_for(std::chrono::hours(1));
    if (kind_ == "exit") std::exit(0);
    if (kind_ == "leave") throw Left{};
  }
  void on_record(const MetricsRecord&) override {}

 private:
  std::string kind_;
};

void run_training(const Communicator& world, TrainingObserver* observer) {
  const auto device = make_cpu_device(1);
  DatasetOptions data_options;
  data_options.dataset = "synthetic";
  data_options.synthetic_samples = 400;
  data_options.synthetic_features = 20;
  data_options.synthetic_classes = 5;
  const Dataset dataset = open_dataset(data_options);
  TrainingOptions options;
  options.batch = 40;
  options.steps = 1'000'000;
  options.method.forms = {Form::normal};
  const TrainingData data = load_training_data(*device, world, dataset, NormalisationKind::mean, 0, options);
  const NetworkSpec spec =
      network_from_widths("10", dataset.features(), dataset.classes, Loss::softmax_cross_entropy, Activation::relu);
  Network network = make_network(*device, spec, {}, options.seed);
  PhaseClock clock;
  const UpdateContext context{*device, world, clock};
  const auto rule = make_update_rule(context, spec, options.method, {options.batch, data.order->largest_local_size()});
  train(context, *rule, network, data, options, 0.1, observer);
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) return 2;
  Watchdog watchdog(std::atof(argv[2]));
  MpiEnvironment environment(argc, argv);
  const Communicator world = make_mpi_communicator();
  watchdog.set_rank(world.rank(), world.size());
  Fault fault(argv[1]);
  try {
    run_training(world, world.rank() == 1 ? &fault : nullptr);
  } catch (const Left&) {
    world.barrier();
  } catch (const Error& error) {  // as the program's main function does
    std::fprintf(stderr, "error: %s\n", error.what());
    MpiEnvironment::abort(static_cast<int>(error.status()));
  }
  return 0;
}
