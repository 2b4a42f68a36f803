#include "update/proximal_forms.hpp"

#include "update/form_traits.hpp"

#include <numeric>

#include <fmt/format.h>

namespace sibp {
namespace {

Form form_of_map(const NetworkSpec& spec, const ProximalOptions& options, std::size_t map) {
  const std::size_t place = options.forms.size() == 1 ? 0 : map;
  require(place < options.forms.size(), "the form of the update is not chosen for every layer");
  const Form form = options.forms[place];
  if (!fits(form, spec.maps[map]))
    throw_usage_error(fmt::format("`form`: found {} for layer {}, a convolution; expected {}", name_of(form), map + 1,
                                  forms_in_words([&](Form other) { return fits(other, spec.maps[map]); }, "or")));
  require(!options.system_of(spec.maps[map]).refresh.keeps_mean() || has_gram(form),
          "only a form with a Gram matrix can keep it for several steps");
  require(options.system_of(spec.maps[map]).sample == 1 || can_sample(form),
          "only a form that has a Gram matrix, or is of low rank, takes it from a sample");
  require(!options.momentum.averages_gradients() || has_gradient(form),
          "only a form that has the gradient can average it over steps");
  return form;
}

/// Those of a map: steps are relative in all but the last.
ProximalOptions options_of_map(const NetworkSpec& spec, ProximalOptions options, std::size_t map) {
  if (map + 1 == spec.maps.size()) options.step = {};
  if (!options.staggers) return options;
  for (GramRefresh* refresh : {&options.refresh, &options.convolution.refresh})
    refresh->offset = gram_offset(map, spec.maps.size(), refresh->every);
  return options;
}

GramOfMap gram_of_map(const NetworkSpec& spec, const ProximalOptions& options, std::size_t map) {
  const MapShape& shape = spec.maps[map];
  const Form form = form_of_map(spec, options, map);
  if (!has_gram(form)) return {};
  const SystemPlace owner = options.places.empty() ? SystemPlace{} : options.places.at(map);
  require(!owner.owner_solves || form.traits().lets_owner_solve, "this form needs the factor on every rank");
  return {shape.fan_in(), shape.columns > 1, options_of_map(spec, options, map).system_of(shape).refresh.offset, owner};
}

}  // namespace

ProximalForms::ProximalForms(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options,
                             std::size_t end)
    : context_(context),
      sample_(options.sample),
      per_rank_(static_cast<std::size_t>(context.communicator.size())),
      sampled_(per_rank_.size()) {
  std::vector<GramOfMap> grams;
  grams.reserve(end);
  for (std::size_t i = 0; i < end; ++i) grams.push_back(gram_of_map(spec, options, i));
  grams_ = std::make_unique<GramSums>(context, grams);
  for (std::size_t i = 0; i < end; ++i) {
    const FormTraits& form = form_of_map(spec, options, i).traits();
    forms_.push_back(form.make({context, spec.maps[i], options_of_map(spec, options, i), grams_->of(i)}));
  }
}

void ProximalForms::features_ready(LinearMap& map) {
  const std::size_t i = map.index();
  if (i == 0) {
    const PhaseClock::Scope timed(context_.clock, Phase::communication);
    context_.communicator.all_gather(map.samples(), std::span(per_rank_));
    if (sample_ > 1) context_.communicator.all_gather(map.sampled(sample_), std::span(sampled_));
    samples_ = {per_rank_, std::accumulate(per_rank_.begin(), per_rank_.end(), Index{0}),
                sample_ > 1 ? sampled_ : per_rank_};
  }
  if (i < forms_.size()) forms_[i]->features_ready(map, samples_);
  if (i > 0 && i <= forms_.size()) forms_[i - 1]->features_passed();
}

void ProximalForms::forward_done() {
  for (std::size_t i = forms_.size(); i-- > 0;) forms_[i]->forward_done();  // what is needed first comes first
}

void ProximalForms::gather_state() {
  for (const auto& form : forms_) form->gather_state();
}

}  // namespace sibp
