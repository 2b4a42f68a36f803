#include "sibp/trainer/best.hpp"

namespace sibp {

std::string_view name_of(Measure measure) {
  if (measure == Measure::none) return "none";
  return measure == Measure::validation_loss ? "validation_loss" : "validation_accuracy";
}

bool improve(Best& best, Measure measure, Index step, const LossAndAccuracy& validation) {
  const bool is_loss = measure == Measure::validation_loss;
  const double value = is_loss ? validation.loss : validation.accuracy;
  const bool is_first = best.measure != measure || best.step < 0;
  if (!is_first && (is_loss ? value >= best.value : value <= best.value)) return false;
  best = {measure, step, value};
  return true;
}

}  // namespace sibp
