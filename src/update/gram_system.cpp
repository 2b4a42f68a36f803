#include "update/gram_system.hpp"

#include <array>
#include <cmath>
#include <optional>

namespace sibp {

GramSystem::GramSystem(const UpdateContext& context, Index n, const SystemOptions& options, const GramPlace& place)
    : context_(context),
      options_(options),
      place_(place),
      gram_(context.device.allocate(n, n)),
      batch_(context.device.allocate(lags() ? n : 0, n)),
      mean_(context.device.allocate(averages() ? n : 0, n)) {
  if (!sends_factor()) return;
  sent_ = context.communicator.make_all_gather(context.device, n * (n + 1) / 2);
  senders_.assign(static_cast<std::size_t>(context.communicator.size()), 0);
  senders_.at(static_cast<std::size_t>(*place.owner.owner)) = 1;
}

bool GramSystem::is_due(Index step) const {
  const Index beyond = step - options_.refresh.burn_in;
  return !averages() || beyond <= 0 || beyond % options_.refresh.every == options_.refresh.offset;
}

void GramSystem::start(LinearMap& map, Index samples) {
  begin(samples);
  if (due_) form(map.sampled_inputs(options_.sample));
}

void GramSystem::start(const ColumnSource& columns, Index samples) {
  begin(samples);
  if (due_) form(columns);
}

void GramSystem::begin(Index samples) {
  samples_ = samples;
  sampled_ = (samples + options_.sample - 1) / options_.sample;
  due_ = is_due(steps_);
  was_due_ = is_due(steps_ - 1);
  uses_mean_ = averages() && steps_ >= options_.refresh.burn_in && (!lags() || batches_ > 0);
  is_made_ = false;
  ++steps_;
  if (lags() && uses_mean_) prepare();  // nothing of this step is in it
}

/// A_p = P̂_p P̂_pᵀ   (n × n)
void GramSystem::form(const ColumnSource& columns) {
  if (distributed()) {
    place_.sums.set_triangle(place_.place, columns, batch());
    place_.sums.ready(place_.place);
  } else {
    form_triangle(context_.device, columns, batch());
  }
}

void GramSystem::prepare() {
  if (place_.owner.owner) make_factor();
}

ProximalStep GramSystem::factorise() {
  make_factor();
  receive_factor();
  if (!lags()) return last_;
  if (uses_mean_ && due_) take_batch();  // this one's A is in the factor of the next step
  has_factor_ = !due_;
  return last_;
}

void GramSystem::make_factor() {
  if (is_made_) return;
  is_made_ = true;
  if (lags() && uses_mean_) {  // of the batches before this one
    if (!has_factor_) make_factor_of(true);
    return;
  }
  if (!due_ && has_factor_) return;  // not due and no factor: the first step of a run that goes on
  if (due_) take_batch();
  if (lags() && factorises()) context_.device.copy(batch(), gram_.view());
  make_factor_of(uses_mean_);
}

void GramSystem::make_factor_of(bool mean) {
  mean_over_ = mean ? mean_samples_ : 1;
  if (factorises()) last_ = mean ? factorise_mean() : factorise_own();
  has_factor_ = true;
  if (place_.owner.owner) send_factor();
}

void GramSystem::send_factor() {
  is_sent_ = true;
  if (sent_ == nullptr) return;
  const Index n = gram_.rows();
  sent_->begin(n * (n + 1) / 2, senders_);
  if (factorises()) context_.device.pack_triangle(gram_.view(), sent_->own());
  const bool is_sent_again = lags() && uses_mean_ ? !was_due_ : !due_;  // a run goes on: it is no part of the training
  std::optional<Traffic::Uncounted> uncounted;
  if (is_sent_again) uncounted.emplace(context_.communicator.traffic());
  sent_->start();
}

void GramSystem::receive_factor() {
  if (!is_sent_) return;
  is_sent_ = false;
  std::array<double, 2> verdict{last_.lambda, static_cast<double>(last_.failed_minor)};
  {
    const PhaseClock::Scope timed(context_.clock, Phase::communication);
    context_.communicator.broadcast(std::span<double>(verdict), *place_.owner.owner);
    if (sent_ != nullptr) sent_->wait();
  }
  last_ = {verdict[0], static_cast<Index>(verdict[1])};
  if (sent_ == nullptr) return;
  context_.device.unpack_triangle(sent_->all(), gram_.view());  // the owner too: it may have been rounded
  sent_->release();
}

void GramSystem::take_batch() {
  if (distributed()) await_sum();
  if (averages()) add_to_mean();
}

/// Of this batch's A, for as many samples as the batch has.
ProximalStep GramSystem::factorise_own() {
  if (sampled_ != samples_)
    context_.device.scale(static_cast<Real>(static_cast<double>(samples_) / static_cast<double>(sampled_)),
                          gram_.view());
  return sibp::factorise(context_.device, gram_.view(), options_.damping, gram_.rows());
}

void GramSystem::await_sum() {
  if (place_.sums.under_way(place_.place)) {
    const PhaseClock::Scope timed(context_.clock, Phase::communication);
    place_.sums.wait(place_.place);
  }
  if (factorises()) context_.device.unpack_triangle(place_.sums.view(place_.place), batch());
}

/// Ā ← β Ā + (1 − β) A / M
void GramSystem::add_to_mean() {
  mean_samples_ = samples_;
  ++batches_;
  if (!factorises()) return;
  const double average = options_.refresh.average;
  context_.device.scale(static_cast<Real>(average), mean_.view());
  context_.device.axpy(static_cast<Real>((1 - average) / static_cast<double>(sampled_)), batch(), mean_.view());
}

/// Of Ā over the weights in it, 1 − βᵏ after k batches.
ProximalStep GramSystem::factorise_mean() {
  context_.device.copy(mean_.view(), gram_.view());
  const double weight = 1 - std::pow(options_.refresh.average, static_cast<double>(batches_));
  context_.device.scale(static_cast<Real>(1 / weight), gram_.view());
  return sibp::factorise(context_.device, gram_.view(), options_.refresh.damping, gram_.rows(), mean_samples_);
}

void GramSystem::add_state(UpdateState& state, const std::string& prefix) {
  if (!averages()) return;
  state.matrices.emplace(prefix + ".mean", mean_.view());
  state.numbers.emplace(prefix + ".batches", batches_);
  state.numbers.emplace(prefix + ".steps", steps_);
  state.numbers.emplace(prefix + ".samples", mean_samples_);
}

void GramSystem::gather_state() {
  if (averages() && place_.owner.owner) context_.communicator.broadcast(mean_.view(), *place_.owner.owner);
}

void add_gram_cost(Tally& tally, const LayerInStep& layer) {
  const StepShape& step = layer.step;
  const Sizes s(layer);
  const bool convolves = layer.layer.columns > 1;
  const double columns = s.local / static_cast<double>(step.gram_sample_of(layer.layer));
  Tally gram = tally.fresh();
  gram.syrk(s.n, columns);
  if (convolves) gram.touch(2 * s.n * columns);   // patches unfolded
  if (step.ranks > 1) gram.touch(2 * s.n * s.n);  // packed and unpacked
  const double triangle = s.n * (s.n + 1) / 2;
  Tally factor = tally.fresh();
  if (step.keeps_mean_of(layer.layer)) factor.touch(6 * s.n * s.n);  // the mean
  factor.cholesky(s.n);
  if (!layer.place.owner) {
    gram.all_reduce(triangle);
    gram.add(factor, 1);
  } else {
    gram.reduce(triangle);
    gram.add_owned(factor, false);
    if (!layer.place.owner_solves) {
      gram.broadcast(triangle);
      gram.touch(2 * s.n * s.n);
    }
  }
  tally.add(gram, step.gram_every_of(layer.layer));
}

double gram_elements(Index n, const LayerInStep& layer) {
  const auto size = static_cast<double>(n);
  const double kept = (layer.step.keeps_mean_of(layer.layer) ? 1 : 0) + (layer.step.gram_lags ? 1 : 0);
  const double triangles = (layer.step.ranks > 1 ? 1 : 0) + (layer.place.owner && !layer.place.owner_solves ? 1 : 0);
  return size * size * (1 + kept) + triangles * size * (size + 1) / 2;
}

}  // namespace sibp
