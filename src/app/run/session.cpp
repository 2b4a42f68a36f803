#include "app/run/session.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/core/printable.hpp"
#include "sibp/core/words.hpp"
#include "sibp/data/published.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/model/initialisation.hpp"

#include "app/report/size_text.hpp"
#include "app/run/blas_memory.hpp"
#include "app/run/gpu_choice.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

/// The device and the communicator of a rank with a GPU of its own. Collective.
Compute open_gpu(const GpuChoice& gpu, const Options& options, const Communicator& world, const ThreadPlan& threads) {
  agreed(world, [&] {
    if (world.size() > 1 && options.sums.wire != Wire::float32)
      throw_usage_error(fmt::format("--wire: found {}, but between GPUs matrices travel as they are; expected {}",
                                    name_of(options.sums.wire), name_of(Wire::float32)));
  });
  Compute compute{threads, agreed(world, [&] { return make_cuda_device(gpu.index, options.precision); }), world, true};
  std::string library;
  if (world.size() > 1) {  // one rank alone sends nothing
    compute.communicator = make_gpu_communicator(world, *compute.device, options.guard.stall_timeout);
    // The device outlives the communicator: it only borrows it.
    compute.device->set_progress([backend = std::weak_ptr(compute.communicator.backend())] {
      if (const auto alive = backend.lock()) alive->poll();
    });
    library = ", " + gpu_communication_library();
  }
  spdlog::info("{}, each on a GPU: {}, products in {}", counted(world.size(), "rank"), gpu.info.name,
               name_of(options.precision));
  spdlog::info("{} of GPU memory, {} free; {}{}", size_text(static_cast<double>(gpu.info.memory_bytes)),
               size_text(static_cast<double>(compute.device->free_memory().value_or(0))), gpu.info.versions, library);
  return compute;
}

}  // namespace

Compute open_compute(const Options& options, const Communicator& world) {
  const std::optional<GpuChoice> gpu = choose_gpu(options, world);
  const ThreadPlan plan = plan_threads(options.threads, make_node_communicator());
  if (gpu) return open_gpu(*gpu, options, world, plan);
  agreed(world, [&] { check_blas_memory(plan.threads); });
  Compute compute{plan, options.reproducible ? make_reproducible_device(plan.threads) : make_cpu_device(plan.threads),
                  world};
  if (world.size() > 1) compute.device->set_progress([world] { world.poll(); });
  spdlog::info("{} of {} on {}; rank 0 has {}{}", counted(world.size(), "rank"), counted(plan.threads, "thread"),
               compute.device->description(), counted(plan.cores, "core"),
               plan.sharers == 1 ? "" : fmt::format(", which it shares with {}", counted(plan.sharers - 1, "rank")));
  if (const auto advice = cpu_device_advice()) spdlog::warn(*advice);
  if (!world.all_agree(!plan.oversubscribed))
    spdlog::warn(
        "more threads than cores; start fewer ranks, bind them (mpirun --bind-to core) or set OMP_NUM_THREADS");
  return compute;
}

Dataset open_data(const Options& options, const Communicator& world) {
  return agreed(world, [&] { return open_dataset(options.data); });
}

Dataset open_sizes(const Options& options, const Communicator& world) {
  std::optional<Dataset> published = published_dataset(options.data.dataset);
  if (!published) return open_data(options, world);
  std::optional<Dataset> own;
  std::string lack = "other ranks lack files";
  try {
    own = open_dataset(options.data);
  } catch (const Error& error) {
    lack = error.what();
  }
  if (world.all_agree(own.has_value())) return std::move(*own);
  spdlog::info("the sizes are those of the published data set, as its files are not here: {}", lack);
  return std::move(*published);
}

std::optional<std::filesystem::path> weights_file(const Options& options) {
  if (initialisation_from_text(options.initialisation)) return std::nullopt;
  return options.initialisation;
}

NetworkSpec network_of(const Options& options, const Dataset& dataset) {
  NetworkSpec spec =
      options.network.empty()
          ? network_from_widths(options.hidden, dataset.shape, dataset.classes, options.loss, options.activation)
          : parse_network(options.network, dataset.shape, options.loss, options.activation);
  const double bytes = static_cast<double>(spec.parameters()) * sizeof(Real);
  const double memory = static_cast<double>(sysconf(_SC_PHYS_PAGES)) * static_cast<double>(sysconf(_SC_PAGE_SIZE));
  if (bytes > memory) {
    throw_usage_error(fmt::format("{}: the network {} has {} of weights, but this node has {} of memory",
                                  options.network.empty() ? "--hidden" : "--network", short_name(spec),
                                  size_text(bytes), size_text(memory)));
  }
  if (spec.outputs() != dataset.classes) {
    throw_usage_error(fmt::format("--network: the last layer has {} outputs, but {} has {} classes; end with dense({})",
                                  spec.outputs(), dataset.name, dataset.classes, dataset.classes));
  }
  return spec;
}

void print_all(const std::string& text) {
  if (std::fputs(printable(text).c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return;
  throw Error(ExitStatus::runtime,
              fmt::format("cannot write to standard output: {}", std::system_category().message(errno)));
}

void print_on_root(const Communicator& world, const std::string& text) {
  agreed(world, [&] {
    if (world.is_root()) print_all(text);
  });
}

}  // namespace sibp
