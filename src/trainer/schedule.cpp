#include "sibp/trainer/schedule.hpp"

#include <algorithm>
#include <cmath>
#include <numbers>

namespace sibp {

double eta_at(const TrainingOptions& options, double eta, Index step, Index steps) {
  const Index warmup = options.warmup_steps;
  if (step < warmup) return eta * static_cast<double>(step + 1) / static_cast<double>(warmup);
  const double done = static_cast<double>(step - warmup) / static_cast<double>(std::max<Index>(steps - warmup, 1));
  switch (options.schedule) {
    case Schedule::linear:
      return eta * (1 - done);
    case Schedule::constant:
      return eta;
    case Schedule::cosine:
      return eta * (1 + std::cos(std::numbers::pi * done)) / 2;
  }
  return eta;
}

}  // namespace sibp
