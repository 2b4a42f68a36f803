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
    throw_usage_error(fmt::format("--form: found {} for layer {}, a convolution; expected {}", name_of(form), map + 1,
                                  forms_in_words([&](Form other) { return fits(other, spec.maps[map]); }, "or")));
  require(!options.system_of(spec.maps[map]).refresh.keeps_mean() || has_gram(form),
          "only a form with a Gram matrix can keep it for several steps");
  return form;
}

/// Those of a map: steps are relative in all but the last.
ProximalOptions options_of_map(const NetworkSpec& spec, ProximalOptions options, std::size_t map) {
  if (map + 1 == spec.maps.size()) options.step = {};
  return options;
}

}  // namespace

ProximalForms::ProximalForms(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options,
                             std::size_t end)
    : context_(context), per_rank_(static_cast<std::size_t>(context.communicator.size())) {
  std::vector<Index> orders;  // of A
  for (std::size_t i = 0; i < end; ++i)
    orders.push_back(has_gram(form_of_map(spec, options, i)) ? spec.maps[i].fan_in() : 0);
  grams_ = std::make_unique<GramSums>(context, spec.maps, orders);
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
    samples_ = {per_rank_, std::accumulate(per_rank_.begin(), per_rank_.end(), Index{0})};
  }
  if (i < forms_.size()) forms_[i]->features_ready(map, samples_);
  if (i > 0 && i <= forms_.size()) forms_[i - 1]->features_passed();
}

}  // namespace sibp
