#include "app/commands/self_test.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/cost_model.hpp"
#include "sibp/update/methods.hpp"

#include "app/cli/option_names.hpp"
#include "device/checksum.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>
#include <span>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr Index steps = 10;
/// Rounding makes differences of about 1e-5 here; a wrong sum, of 1.
constexpr double largest_difference = 1e-2;

/// The loss of the first batch, before anything was learnt.
class FirstLoss final : public TrainingObserver {
 public:
  void on_step(Index step, Index, double batch_loss, Index) override {
    if (step == 1) value = batch_loss;
  }
  void on_record(const MetricsRecord&) override {}

  double value = 0;
};

struct Outcome {
  std::vector<Real> weights;  ///< of all layers
  double first_loss = 0;
  double last_loss = 0;
};

Outcome train_in_form(Device& device, const Communicator& communicator, Form form, Index shards) {
  DatasetOptions data_options;
  data_options.dataset = "synthetic";
  data_options.synthetic_samples = 1000;
  TrainingOptions options;
  options.steps = steps;
  options.logical_shards = shards;
  options.method.forms = {form};
  const Dataset dataset = open_dataset(data_options);
  const TrainingData data = load_training_data(device, communicator, dataset, NormalisationKind::mean, 0, options);
  const NetworkSpec spec =
      network_from_widths("32", dataset.features(), dataset.classes, Loss::softmax_cross_entropy, Activation::relu);
  Network network = make_network(device, spec, {}, options.seed);
  PhaseClock clock;
  const UpdateContext context{device, communicator, clock};
  const auto rule = make_update_rule(context, spec, options.method, {options.batch, data.order->largest_local_size()});
  FirstLoss first;
  const TrainingResult result = train(context, *rule, network, data, options, default_step_size(options.method, spec),
                                      communicator.is_root() ? &first : nullptr);
  Outcome outcome{{}, communicator.max(first.value), result.last.train.loss};
  for (const std::vector<Real>& values : download_weights(device, network))
    outcome.weights.insert(outcome.weights.end(), values.begin(), values.end());
  return outcome;
}

/// ‖a − b‖ / ‖b‖.
double difference(std::span<const Real> a, std::span<const Real> b) {
  double apart = 0;
  double size = 0;
  for (std::size_t k = 0; k < b.size(); ++k) {
    apart += std::pow(static_cast<double>(a[k]) - static_cast<double>(b[k]), 2);
    size += std::pow(static_cast<double>(b[k]), 2);
  }
  return std::sqrt(apart / size);
}

/// Whether a difference of a rank is small on all of them; a NaN is not.
SelfCheck small_on_all(const Communicator& world, std::string what, double apart) {
  const bool passed = world.all_agree(apart < largest_difference);
  return {std::move(what), passed, fmt::format("weights differ by {:.1e} at most", world.max(apart))};
}

void check_form(std::vector<SelfCheck>& checks, Device& device, const Communicator& world, Form form, Index shards,
                std::vector<Real>& of_first_form) {
  const Outcome outcome = train_in_form(device, world, form, shards);
  const std::string name(name_of(form));
  const double first = outcome.first_loss;
  const double last = outcome.last_loss;
  checks.push_back({fmt::format("{}: the loss falls", name), world.all_agree(std::isfinite(last) && last < first / 2),
                    fmt::format("from {:.3f} to {:.3f} in {} steps", first, last, steps)});
  if (world.size() > 1) {
    const auto other = first_other(world, fmt::to_string(checksum_of(outcome.weights)));
    checks.push_back({fmt::format("{}: all ranks have the same weights", name), !other,
                      other ? fmt::format("rank {} has others", *other) : "bit for bit"});
    const Outcome alone = train_in_form(device, make_self_communicator(), form, shards);
    checks.push_back(small_on_all(world, fmt::format("{}: many ranks find what one finds", name),
                                  difference(outcome.weights, alone.weights)));
  }
  if (of_first_form.empty()) {
    of_first_form = outcome.weights;
  } else {
    checks.push_back(
        small_on_all(world, fmt::format("{}: the forms agree", name), difference(outcome.weights, of_first_form)));
  }
}

}  // namespace

std::vector<SelfCheck> run_self_test(Device& device, const Communicator& world, bool alike) {
  std::vector<SelfCheck> checks;
  std::vector<Real> of_first_form;
  const Index shards = std::max<Index>(64, world.size());
  for (const Form form : forms_on(world.size(), alike)) {
    try {
      check_form(checks, device, world, form, shards, of_first_form);
    } catch (const AgreedError& error) {  // all ranks are here
      checks.push_back({fmt::format("{}: training works", name_of(form)), false, named_by_options(error.what())});
    }
  }
  return checks;
}

}  // namespace sibp
