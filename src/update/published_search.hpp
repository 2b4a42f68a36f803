#pragma once

#include <cmath>
#include <functional>
#include <optional>

namespace sibp {

/// The line search of the published procedure: steps 0.6^m, m < 50, and Armijo's condition with slope 0.1,
/// obj(x + 0.6^m d) − obj(x) < 0.1 · 0.6^m ⟨g, d⟩.
struct PublishedSearch {
  static constexpr int exponents = 50;
  static constexpr double factor = 0.6;
  static constexpr double slope = 0.1;

  double descent = 0;                 ///< ⟨g, d⟩
  std::function<double(int)> change;  ///< obj(x + 0.6^m d) − obj(x) by m; asked for no more than the search needs

  /// 0.6^m
  static double step(int exponent) { return std::pow(factor, exponent); }

  /// The first exponent that passes: the rule of the last layer. Nothing if none does.
  [[nodiscard]] std::optional<int> first_passing() const;

  /// The rule of the hidden layers, with m₀ = max(⌊log(0.01 obj(x) / |0.1 ⟨g, d⟩|) / log 0.6⌋, 0): m₀ if the full step
  /// passes, otherwise the first that passes from m₀ + 1 on. Nothing if there is none below 50. `objective` is obj(x).
  [[nodiscard]] std::optional<int> guessed(double objective) const;

 private:
  [[nodiscard]] bool passes(int exponent) const;
  [[nodiscard]] std::optional<int> first_passing_from(int exponent) const;
};

}  // namespace sibp
