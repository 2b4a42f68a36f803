#include "update/published_search.hpp"

namespace sibp {

bool PublishedSearch::passes(int exponent) const {
  return change(exponent) < slope * step(exponent) * descent;
}

std::optional<int> PublishedSearch::first_passing_from(int exponent) const {
  for (; exponent < exponents; ++exponent) {
    if (passes(exponent)) return exponent;
  }
  return std::nullopt;
}

std::optional<int> PublishedSearch::first_passing() const {
  return first_passing_from(0);
}

std::optional<int> PublishedSearch::guessed(double objective) const {
  const double guess = std::floor(std::log(0.01 * objective / std::abs(slope * descent)) / std::log(factor));
  if (guess >= exponents) return std::nullopt;
  const int guessed = guess > 0 ? static_cast<int>(guess) : 0;
  return passes(0) ? guessed : first_passing_from(guessed + 1);
}

}  // namespace sibp
