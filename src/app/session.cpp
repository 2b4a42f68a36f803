#include "app/session.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/comm/gpu_communicator.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/memory_model.hpp"
#include "sibp/update/calibration.hpp"

#include "app/gpu_choice.hpp"

#include <cerrno>
#include <cstdio>
#include <system_error>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

StepShape step_shape(const Options& options, int ranks) {
  return step_shape(options.training, ranks);
}

std::string size_text(double bytes) {
  if (bytes < 1e3) return fmt::format("{:.0f} B", bytes);
  if (bytes < 1e6) return fmt::format("{:.1f} kB", bytes / 1e3);
  return bytes < 1e9 ? fmt::format("{:.1f} MB", bytes / 1e6) : fmt::format("{:.1f} GB", bytes / 1e9);
}

/// What layer `i` of a step does, and its flops and bytes.
std::pair<std::string, LayerCost> form_and_cost(const MethodOptions& method, const std::vector<Form>& forms,
                                                std::size_t i, const LayerInStep& step) {
  const MachineRates no_matter = MachineRates::uniform(1, 0, 1);
  if (method.method == Method::published) return {"5+5 CG steps", published_cost(step, no_matter)};
  const bool is_proxprop = method.method == Method::proxprop;
  const bool is_explicit = forms.empty() || (is_proxprop && i + 1 == forms.size());
  if (is_explicit) return {"gradient", gradient_cost(step, no_matter)};
  if (!is_proxprop || method.cg_steps == 0)
    return {std::string(name_of(forms[i])), semi_implicit_cost(forms[i], step, no_matter)};
  return {fmt::format("{} CG steps", method.cg_steps),
          gradient_cost(step, no_matter, static_cast<int>(method.cg_steps))};
}

/// Whether only one form measures how far a step moves the neurons.
bool needs_normal_form(const MethodOptions& method) {
  return method.method == Method::sibp && method.step->kind == StepRule::Kind::relative;
}

/// The form of less work on one rank: no clock and no number of ranks may decide.
std::vector<Form> reproducible_forms(const Options& options, const NetworkSpec& spec) {
  std::vector<Form> forms;
  for (const MapShape& map : spec.maps)
    forms.push_back(map.columns == 1 && options.training.batch < map.outputs ? Form::activations : Form::normal);
  spdlog::info("reproducible: forms {}", to_text(forms));
  return forms;
}

/// The device and the communicator of a rank with a GPU of its own. Collective.
Compute open_gpu(const GpuChoice& gpu, const Options& options, const Communicator& world, const ThreadPlan& threads) {
  agreed(world, [&] {
    if (world.size() > 1 && options.sums.wire != Wire::float32)
      throw_usage_error(fmt::format("--wire: found {}, but between GPUs matrices travel as they are; expected {}",
                                    name_of(options.sums.wire), name_of(Wire::float32)));
  });
  Compute compute{threads, agreed(world, [&] { return make_cuda_device(gpu.index, options.precision); }), world};
  std::string library;
  if (world.size() > 1) {  // one rank alone sends nothing
    compute.communicator = make_gpu_communicator(world, *compute.device, options.guard.stall_timeout);
    // The device outlives the communicator: it only borrows it.
    compute.device->set_progress([backend = std::weak_ptr(compute.communicator.backend())] {
      if (const auto alive = backend.lock()) alive->poll();
    });
    library = ", " + gpu_communication_library();
  }
  spdlog::info("{} rank{}, each on a GPU: {}, products in {}", world.size(), world.size() == 1 ? "" : "s",
               gpu.info.name, name_of(options.precision));
  spdlog::info("{} of GPU memory, {} free; {}{}", size_text(static_cast<double>(gpu.info.memory_bytes)),
               size_text(static_cast<double>(compute.device->free_memory().value_or(0))), gpu.info.versions, library);
  return compute;
}

}  // namespace

Compute open_compute(const Options& options, const Communicator& world) {
  const std::optional<GpuChoice> gpu = choose_gpu(options, world);
  const ThreadPlan plan = plan_threads(options.threads, make_node_communicator());
  if (gpu) return open_gpu(*gpu, options, world, plan);
  Compute compute{plan, options.reproducible ? make_reproducible_device(plan.threads) : make_cpu_device(plan.threads),
                  world};
  if (world.size() > 1) compute.device->set_progress([world] { world.poll(); });
  spdlog::info("{} ranks × {} threads on {}; rank 0 shares {} cores with {} other ranks", world.size(), plan.threads,
               compute.device->description(), plan.cores, plan.sharers - 1);
  if (const auto advice = cpu_device_advice()) spdlog::warn(*advice);
  if (!world.all_agree(!plan.oversubscribed))
    spdlog::warn(
        "more threads than cores; start fewer ranks, bind them (mpirun --bind-to core) or set OMP_NUM_THREADS");
  return compute;
}

Dataset open_data(const Options& options, const Communicator& world) {
  return agreed(world, [&] { return open_dataset(options.data); });
}

std::optional<std::filesystem::path> weights_file(const Options& options) {
  const std::string& text = options.initialisation;
  if (text == "he" || text == "glorot" || text.starts_with("normal:")) return std::nullopt;
  return text;
}

NetworkSpec network_of(const Options& options, const Dataset& dataset) {
  const NetworkSpec spec =
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

std::vector<Form> forms_of(const Options& options, const NetworkSpec& spec, const Compute& compute,
                           const Communicator& world) {
  const Method method = options.training.method.method;
  if (method != Method::sibp && method != Method::proxprop) return {};
  const std::vector<Form>& given = options.training.method.forms;
  agreed(world, [&] {
    if (given.size() > 1 && given.size() != spec.maps.size())
      throw_usage_error(
          fmt::format("--form names {} forms, but the network has {} layers; name one for all or one for each",
                      given.size(), spec.maps.size()));
  });
  if (given.size() == 1) return everywhere_it_fits(given.front(), spec);
  if (!given.empty()) return given;
  if (needs_normal_form(settled(options.training.method, spec)))
    return std::vector<Form>(spec.maps.size(), Form::normal);
  if (options.reproducible) return reproducible_forms(options, spec);
  const MachineRates rates = calibrate(*compute.device, compute.communicator);
  const std::string arithmetic = fmt::format("{}, {} threads", compute.device->description(), compute.threads.threads);
  const StepShape shape = step_shape(options, world.size());
  const bool alike = world.all_agree(world.broadcast(arithmetic) == arithmetic);
  const auto candidates = forms_on(world.size(), alike, shape.gram_every);
  auto forms = choose_forms(spec, shape, rates, candidates);
  for (Form& form : forms) {  // rank 0 decides
    auto number = static_cast<std::int32_t>(form);
    world.broadcast(std::span(&number, 1));
    form = static_cast<Form>(number);
  }
  spdlog::info("calibration: products {:.0f} GFLOP/s; all-reduce {:.1f} µs and {:.1f} GB/s, gather {:.1f} GB/s",
               rates.gemm[2] / 1e9, 1e6 * rates.latency_seconds, rates.reduce_bytes / 1e9, rates.gather_bytes / 1e9);
  for (std::size_t i = 0; i < forms.size(); ++i) {
    std::string others;
    for (const Form form : candidates) {
      const LayerInStep step{spec.maps[i], i == 0, shape};
      others += fmt::format("  {} {:.2f}", name_of(form), 1e3 * semi_implicit_cost(form, step, rates).seconds());
    }
    spdlog::info("layer {}: form {}; predicted ms a step:{}", i + 1, name_of(forms[i]), others);
  }
  return forms;
}

std::string description_text(const NetworkSpec& spec, const Options& options, const std::vector<Form>& forms, int ranks,
                             Index samples) {
  std::string text = fmt::format("network     {} ({})\nloss        {}\nlayers      {}, {} parameters, {}\n",
                                 short_name(spec), spec.text, name_of(spec.loss), spec.maps.size(), spec.parameters(),
                                 size_text(static_cast<double>(spec.parameters()) * sizeof(Real)));
  text += fmt::format("one step    batch {}, {} rank{}; flops and bytes of each rank\n", options.training.batch, ranks,
                      ranks == 1 ? "" : "s");
  if (!forms.empty()) {
    const RankMemory memory = predict_memory(spec, options.training.method, step_shape(options, ranks), samples);
    text += fmt::format("memory      {} on a rank: shard {}, weights {}, workspace {}, update {}, checkpoints {}\n",
                        size_text(memory.total()), size_text(memory.shard), size_text(memory.weights),
                        size_text(memory.workspace), size_text(memory.update), size_text(memory.saving));
  }
  text += '\n';
  constexpr auto row = "{:>5}  {:>15}  {:<10}  {:>12}  {:<12}  {:>13}  {:>12}  {:>10}\n";
  text += fmt::format(row, "layer", "weights", "activation", "parameters", "form", "network MFLOP", "update MFLOP",
                      "reduced");
  LayerCost total;
  for (std::size_t i = 0; i < spec.maps.size(); ++i) {
    const MapShape& layer = spec.maps[i];
    const LayerInStep step{layer, i == 0, step_shape(options, ranks)};
    const auto [form, cost] = form_and_cost(options.training.method, forms, i, step);
    text += fmt::format(row, i + 1, fmt::format("{} × {}", layer.outputs, layer.fan_in()), name_of(layer.activation),
                        layer.parameters(), form, fmt::format("{:.1f}", cost.flops_network / 1e6),
                        fmt::format("{:.1f}", cost.flops_update / 1e6), size_text(cost.bytes_reduced));
    total.flops_network += cost.flops_network;
    total.flops_update += cost.flops_update;
    total.bytes_reduced += cost.bytes_reduced;
  }
  text += fmt::format(row, "all", "", "", spec.parameters(), "", fmt::format("{:.1f}", total.flops_network / 1e6),
                      fmt::format("{:.1f}", total.flops_update / 1e6), size_text(total.bytes_reduced));
  return text;
}

void print_on_root(const Communicator& world, const std::string& text) {
  agreed(world, [&] {
    if (!world.is_root()) return;
    if (std::fputs(text.c_str(), stdout) >= 0 && std::fflush(stdout) == 0) return;
    throw Error(ExitStatus::runtime,
                fmt::format("cannot write to standard output: {}", std::system_category().message(errno)));
  });
}

}  // namespace sibp
