#include "sibp/app/commands/commands.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/file.hpp"
#include "sibp/trainer/memory_model.hpp"
#include "sibp/trainer/step_timing.hpp"
#include "sibp/update/calibration.hpp"

#include "app/report/plan_text.hpp"
#include "app/run/method_choice.hpp"
#include "app/run/session.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>

namespace sibp {
namespace {

/// What the network is to fit: of the options, or of a data set that is opened for it.
struct Shape {
  Dataset dataset;  ///< shape and classes alone where the options give them
  Index samples = 0;
};

Shape shape_of(const Options& options, const Communicator& world) {
  if (options.plan.classes) {
    Shape shape;
    shape.dataset.name = "--classes";
    shape.dataset.shape = options.plan.shape.value_or(TensorShape{1, 1, options.plan.features.value_or(1)});
    shape.dataset.classes = *options.plan.classes;
    return shape;
  }
  Shape shape{open_sizes(options, world), 0};
  shape.samples = shape.dataset.training->size() + shape.dataset.test->size();
  return shape;
}

/// How many times as long as by these rates a gradient step of the network takes, on the rank that needs most: of the
/// samples of a rank on the fewest nodes, or of those that take about half a second. Collective.
double measured_slowness(const Plan& plan, const PlanOptions& given, const Compute& compute) {
  StepShape shape;
  const auto seconds = [&](Index samples) {
    shape.batch = samples;
    return predict_gradient_step(plan.spec, shape, plan.rates).seconds();
  };
  constexpr double longest = 0.5;
  const Index of_rank = std::max<Index>(plan.batch / (given.nodes.front() * given.ranks_per_node), 1);
  const Index samples = std::clamp<Index>(static_cast<Index>(longest / seconds(1)), 1, of_rank);
  double measured = 0;
  agreed(compute.communicator, [&] { measured = gradient_step_seconds(*compute.device, plan.spec, samples); });
  return compute.communicator.max(measured) / seconds(samples);
}

/// Fills the rates and the interconnect from the options, and measures what they leave open.
void find_rates(Plan& plan, const Options& options, const Communicator& world) {
  const PlanOptions& given = options.plan;
  const Index most = *std::max_element(given.nodes.begin(), given.nodes.end()) * given.ranks_per_node;
  plan.measured_flops = !given.flops;
  plan.measured_interconnect = (most > 1 || world.size() > 1) && (!given.latency || !given.bandwidth);
  agreed(world, [&] {
    if (plan.measured_interconnect && world.size() == 1) {
      throw_usage_error(fmt::format(
          "--{}: found nothing, and one rank alone cannot measure it; give it, or start plan on several ranks",
          given.latency ? "bandwidth" : "latency"));
    }
  });
  if (plan.measured_flops || plan.measured_interconnect) {
    const Compute compute = open_compute(options, world);
    plan.rates = calibrate(*compute.device, compute.communicator);
    if (plan.measured_flops) plan.slowness = measured_slowness(plan, given, compute);
    if (!given.flops && !given.latency && !given.bandwidth) plan.measured_ranks = world.size();
    if (world.size() > 1) plan.interconnect = interconnect_of(plan.rates, world.size());
  }
  if (given.flops) plan.rates = MachineRates::uniform(*given.flops, 0, 1);
  if (given.latency) plan.interconnect.latency_seconds = *given.latency;
  if (given.bandwidth) plan.interconnect.bandwidth_bytes = *given.bandwidth;
  if (given.node_bandwidth) plan.interconnect.node_bytes = *given.node_bandwidth;
}

class Planner {
 public:
  Planner(const Plan& plan, const Options& options, Index samples, FeatureType type)
      : plan_(plan),
        options_(options.training),
        wire_(options.sums.wire),
        owners_may_solve_(owners_may_solve(options_.method, plan.spec, wire_)),
        forms_(fixed_forms(options_.method, plan.spec)),
        samples_(samples),
        type_(type) {}

  PlanPoint point(Index nodes, Index batch) const {
    const auto ranks = static_cast<int>(nodes * plan_.ranks_per_node);
    const bool measured = nodes == 1 && ranks == plan_.measured_ranks;
    const MachineRates rates_of_work = plan_.rates.slowed(plan_.slowness);
    const MachineRates rates =
        measured ? rates_of_work
                 : rates_on(rates_of_work, plan_.interconnect, ranks, static_cast<int>(plan_.ranks_per_node));
    PlanPoint point;
    point.nodes = nodes;
    StepShape shape = step_shape(options_, ranks, wire_);
    shape.batch = batch;
    point.step = predict(shape, rates);
    point.sgd_seconds = predict_gradient_step(plan_.spec, shape, rates).seconds();
    const auto seconds = [&](const StepSetting& setting) {
      const StepShape changed = setting.of(shape);
      const auto can = [&](Form form) { return serves(form, changed.needs()); };
      if (!std::ranges::all_of(forms_, can)) return std::numeric_limits<double>::infinity();  // forms that are given
      return predict(changed, rates).seconds();
    };
    point.best = best_setting(seconds);
    point.best_seconds = seconds(point.best);
    point.memory_bytes = memory(point.step);
    for (const Form form : candidates(shape)) {
      const StepPrediction step = predict_step(plan_.spec, shape, rates, everywhere_it_fits(form, plan_.spec));
      point.alternatives.push_back({form, step, memory(step)});
    }
    return point;
  }

 private:
  /// As the trainer would choose on so many ranks, which are alike.
  [[nodiscard]] StepPrediction predict(const StepShape& shape, const MachineRates& rates) const {
    const std::vector<int> nodes = nodes_of_neighbours(shape.ranks, static_cast<int>(plan_.ranks_per_node));
    return predict_step(plan_.spec, shape, rates,
                        make_step_plan(plan_.spec, shape, rates,
                                       {.candidates = candidates_on(shape, true),
                                        .forms = forms_,
                                        .owners = options_.method.owners,
                                        .owners_may_solve = owners_may_solve_,
                                        .nodes_of_ranks = nodes}));
  }

  /// Those of which one may stand for all layers that it fits.
  [[nodiscard]] std::vector<Form> candidates(const StepShape& shape) const {
    MethodOptions method = options_.method;
    method.forms.clear();
    if (!fixed_forms(method, plan_.spec).empty()) return {Form::normal};
    return candidates_on(shape, true);
  }

  [[nodiscard]] double memory(const StepPrediction& step) const {
    MethodOptions method = options_.method;
    method.forms = step.plan.forms;
    method.places = step.plan.places;
    return predict_memory(plan_.spec, method, step.shape, samples_, type_).total();
  }

  const Plan& plan_;
  const TrainingOptions& options_;
  Wire wire_;
  bool owners_may_solve_;
  std::vector<Form> forms_;
  Index samples_;
  FeatureType type_;
};

/// Efficiency: samples per second and rank, over those of the first point.
void add_efficiencies(std::vector<PlanPoint>& points) {
  const auto speed = [](const PlanPoint& p) {
    return static_cast<double>(p.step.shape.batch) / (p.step.seconds() * p.step.shape.ranks);
  };
  const double first = speed(points.front());
  for (PlanPoint& point : points) point.efficiency = speed(point) / first;
}

}  // namespace

int run_plan(const Options& options, const Communicator& world) {
  const Shape shape = shape_of(options, world);
  Plan plan;
  plan.batch = options.training.batch;
  plan.ranks_per_node = options.plan.ranks_per_node;
  agreed(world, [&] {
    plan.spec = network_of(options, shape.dataset);
    check_method(options, plan.spec);
  });
  find_rates(plan, options, world);
  const Planner planner(plan, options, shape.samples, shape.dataset.type);
  const Index first = options.plan.nodes.front();
  for (const Index nodes : options.plan.nodes) {
    plan.strong.push_back(planner.point(nodes, plan.batch));
    plan.weak.push_back(planner.point(nodes, std::max<Index>(plan.batch * nodes / first, 1)));
  }
  add_efficiencies(plan.strong);
  add_efficiencies(plan.weak);
  agreed(world, [&] {
    if (world.is_root() && !options.plan.json.empty()) write_file_whole(options.plan.json, plan_json(plan));
  });
  print_on_root(world, plan_text(plan));
  return static_cast<int>(ExitStatus::done);
}

}  // namespace sibp
