#pragma once

#include <cmath>
#include <optional>
#include <span>
#include <vector>

namespace sibp {

/// The line search of the published procedure: steps 0.6^m, m < 50, and Armijo's condition with slope 0.1.
struct PublishedSearch {
  static constexpr double factor = 0.6;
  static constexpr double slope = 0.1;
  static constexpr int exponents = 50;

  double objective = 0;                ///< at x
  double descent = 0;                  ///< ⟨g, d⟩
  std::span<const double> objectives;  ///< at x + 0.6^m d, by m

  /// 0.6^m
  static double step(int exponent) { return std::pow(factor, exponent); }

  /// The first exponent that passes: the rule of the last layer. Nothing if none does.
  [[nodiscard]] std::optional<int> first_passing() const;

  /// The rule of the hidden layers, with m₀ = max(⌊log(0.01 obj / |0.1 ⟨g, d⟩|) / log 0.6⌋, 0): m₀ if the full step
  /// passes, otherwise the first that passes from m₀ + 1 on. Nothing if there is none below 50.
  [[nodiscard]] std::optional<int> guessed() const;

 private:
  [[nodiscard]] bool passes(int exponent) const;
  [[nodiscard]] std::optional<int> first_passing_from(int exponent) const;
};

}  // namespace sibp
