#include "update/published_line.hpp"

#include <algorithm>

namespace sibp {

PublishedLine::PublishedLine(const UpdateContext& context, DataTerm& data, ConstMatrixView image, bool is_linear,
                             double lambda, const Products& products)
    : context_(context),
      data_(data),
      image_(image),
      lambda_(lambda),
      products_(context.communicator.is_root() ? products : Products{}),  // summed: those of rank 0
      group_(is_linear ? PublishedSearch::exponents : 1) {
  evaluate_from(0);
}

double PublishedLine::data_change(int exponent) {
  const auto m = static_cast<std::size_t>(exponent);
  if (!is_known_[m]) evaluate_from(exponent);
  return changes_[m];
}

double PublishedLine::distance_change(int exponent) const {
  // ‖x + t d − x_old‖² − ‖x − x_old‖²
  const double t = PublishedSearch::step(exponent);
  return t * (2 * products_.moved_direction + t * products_.direction_direction);
}

void PublishedLine::evaluate_from(int exponent) {
  const auto first = static_cast<std::size_t>(exponent);
  const auto count = std::min(static_cast<std::size_t>(group_), changes_.size() - first);
  std::array<double, PublishedSearch::exponents> steps{};
  for (std::size_t k = 0; k < count; ++k) steps[k] = PublishedSearch::step(exponent + static_cast<int>(k));
  std::array<double, 3 + PublishedSearch::exponents> sums{};
  sums[0] = products_.descent;
  sums[1] = products_.moved_direction;
  sums[2] = products_.direction_direction;
  data_.changes(image_, std::span(steps).first(count), std::span(sums).subspan(3, count));
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    context_.communicator.all_reduce_sum(std::span(sums).first(3 + count));
  }
  if (exponent == 0) products_ = {sums[0], sums[1], sums[2]};
  std::copy_n(sums.begin() + 3, count, changes_.begin() + static_cast<std::ptrdiff_t>(first));
  std::fill_n(is_known_.begin() + static_cast<std::ptrdiff_t>(first), count, true);
  group_ *= 2;
}

}  // namespace sibp
