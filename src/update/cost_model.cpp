#include "sibp/update/cost_model.hpp"

#include "update/form_traits.hpp"
#include "update/tally.hpp"

#include <algorithm>
#include <cmath>
#include <iterator>

namespace sibp {

void add_network(Tally& tally, const LayerInStep& step) {
  const Sizes s(step);
  tally.gemm(s.o, s.local, s.n);                                                     // G = Ŵ F̂
  tally.touch(5 * s.o * s.local);                                                    // σ, σ'
  if (!step.is_first) tally.gemm(s.inputs, s.local, s.o);                            // D = Wᵀ S
  if (step.layer.columns > 1) tally.touch((step.is_first ? 2 : 4) * s.n * s.local);  // patches unfolded and folded
}

LayerCost cost_of(const Tally& network, const Tally& update) {
  return {network.flops,      update.flops,        update.bytes,
          network.seconds,    update.seconds,      update.seconds_communication,
          update.flops_owned, update.seconds_owned};
}

MachineRates MachineRates::uniform(double flops, double latency_seconds, double reduce_bytes) {
  MachineRates rates;
  for (RateBySize* rate : {&rates.gemm, &rates.syrk, &rates.cholesky, &rates.solve}) rate->fill(flops);
  rates.memory_bytes = flops;  // machines do about as many operations as they move bytes, or more
  rates.latency_seconds = latency_seconds;
  rates.reduce_bytes = reduce_bytes;
  rates.gather_bytes = 2 * reduce_bytes;
  rates.scatter_bytes = 2 * reduce_bytes;
  return rates;
}

MachineRates MachineRates::slowed(double times) const {
  MachineRates rates = *this;
  for (RateBySize* rate : {&rates.gemm, &rates.syrk, &rates.cholesky, &rates.solve})
    for (double& each : *rate) each /= times;
  rates.memory_bytes /= times;
  return rates;
}

LayerCost& LayerCost::operator+=(const LayerCost& other) {
  flops_network += other.flops_network;
  flops_update += other.flops_update;
  bytes_reduced += other.bytes_reduced;
  seconds_network += other.seconds_network;
  seconds_update += other.seconds_update;
  seconds_communication += other.seconds_communication;
  flops_owned += other.flops_owned;
  seconds_owned += other.seconds_owned;
  return *this;
}

double rate_at(const RateBySize& rates, Index size) {
  const auto& sizes = MachineRates::sizes;
  if (size <= sizes.front()) return rates.front() * static_cast<double>(size) / static_cast<double>(sizes.front());
  for (std::size_t k = 1; k < sizes.size(); ++k) {
    if (size > sizes[k]) continue;
    const double below = std::log(static_cast<double>(sizes[k - 1]));
    const double share =
        (std::log(static_cast<double>(size)) - below) / (std::log(static_cast<double>(sizes[k])) - below);
    return rates[k - 1] + share * (rates[k] - rates[k - 1]);
  }
  return rates.back();
}

LayerCost semi_implicit_cost(Form form, const LayerInStep& step, const MachineRates& rates) {
  Tally network(step.step, rates);
  Tally update(step.step, rates);
  add_network(network, step);
  form.traits().add_cost(update, step);
  return cost_of(network, update);
}

double update_elements(Form form, const LayerInStep& step) {
  return form.traits().elements(step);
}

LayerCost element_cost(const LayerSpec& layer, const StepShape& step, const MachineRates& rates) {
  Tally network(step, rates);
  network.touch(static_cast<double>(layer.touched()) * std::ceil(static_cast<double>(step.batch) / step.ranks));
  LayerCost cost = cost_of(network, Tally(step, rates));
  const auto has_scales = [](const ParameterSpec& parameter) { return parameter.role == ParameterRole::scales; };
  constexpr double messages = 2;  // sums of some numbers a channel, forward and back
  if (step.ranks > 1 && std::ranges::any_of(layer.parameters(), has_scales))
    cost.seconds_communication = messages * rates.latency_seconds;
  return cost;
}

std::vector<Form> forms_on(int ranks, bool alike) {
  std::vector<Form> forms;
  std::ranges::copy_if(all_forms(), std::back_inserter(forms), [&](Form form) {
    const FormTraits& traits = form.traits();
    if (ranks == 1 && traits.needs_several_ranks) return false;
    return ranks == 1 || alike || !traits.needs_alike_ranks;
  });
  return forms;
}

bool serves(Form form, const CurvatureNeeds& needs) {
  return (!needs.keeps_mean || has_gram(form)) && (!needs.samples || can_sample(form));
}

std::vector<Form> candidates_on(const StepShape& shape, bool alike) {
  std::vector<Form> forms = forms_on(shape.ranks, alike);
  std::erase_if(forms, [&](Form form) {
    return !serves(form, shape.needs()) || (form.traits().wants_sample && shape.gram_sample == 1);
  });
  return forms;
}

std::vector<Form> everywhere_it_fits(Form form, const NetworkSpec& spec) {
  std::vector<Form> forms;
  forms.reserve(spec.maps.size());
  for (const MapShape& map : spec.maps) forms.push_back(fits(form, map) ? form : Form::normal);
  return forms;
}

std::vector<Form> choose_forms(const NetworkSpec& spec, const StepShape& shape, const MachineRates& rates,
                               const std::vector<Form>& candidates) {
  std::vector<Form> chosen;
  for (const MapShape& map : spec.maps) {
    const LayerInStep step{map, chosen.empty(), shape};
    std::vector<Form> fitting;
    std::ranges::copy_if(candidates, std::back_inserter(fitting), [&](Form form) { return fits(form, map); });
    const auto cheapest = std::ranges::min_element(
        fitting, {}, [&](Form form) { return semi_implicit_cost(form, step, rates).seconds(); });
    chosen.push_back(cheapest == fitting.end() ? Form::normal : *cheapest);
  }
  return chosen;
}

}  // namespace sibp
