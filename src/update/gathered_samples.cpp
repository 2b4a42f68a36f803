#include "update/gathered_samples.hpp"

#include <numeric>

namespace sibp {

GatheredSamples::GatheredSamples(const UpdateContext& context, Index rows, Index capacity)
    : context_(context), gathered_(context.device.allocate(rows, capacity)), slot_(context.communicator.make_slot()) {
}

void GatheredSamples::start(ConstMatrixView own_columns, const DealtSamples& samples) {
  samples_ = samples;
  first_ = std::accumulate(samples.per_rank.begin(), samples.per_rank.begin() + context_.communicator.rank(), Index{0});
  context_.device.copy(own_columns, own());
  if (context_.communicator.size() > 1) slot_->start_all_gather_columns(all(), samples.per_rank);
}

void GatheredSamples::wait() {
  if (!slot_->under_way()) return;
  const PhaseClock::Scope timed(context_.clock, Phase::communication);
  slot_->wait();
}

}  // namespace sibp
