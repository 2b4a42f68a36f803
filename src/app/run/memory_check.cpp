#include "app/run/memory_check.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/trainer/memory_model.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

/// What the libraries of a GPU take for themselves as they go along.
constexpr double for_libraries = 512e6;

}  // namespace

void check_memory(const TrainingOptions& options, const NetworkSpec& spec, const Compute& compute) {
  const int ranks = compute.communicator.size();
  const StepShape step = step_shape(options, ranks);
  agreed(compute.communicator, [&] {
    const auto free = compute.device->free_memory();
    if (!free) return;
    const double room = static_cast<double>(*free) - for_libraries;
    const double needed = predict_memory(spec, options.method, step, 0).on_device();
    if (needed > room) {
      const auto fitting = largest_batch_within(room, spec, options.method, step);
      throw_usage_error(
          fmt::format("--batch: {} samples on {} ranks need {:.1f} GB of the GPU's memory, and {:.1f} GB are "
                      "free; {}",
                      options.batch, ranks, needed / 1e9, static_cast<double>(*free) / 1e9,
                      fitting ? fmt::format("a batch of {} fits", *fitting)
                              : "no batch fits: choose a smaller network or more ranks"));
    }
    compute.device->keep_free(static_cast<std::int64_t>(needed + for_libraries));
  });
}

}  // namespace sibp
