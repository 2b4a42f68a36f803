#pragma once

#include "device/bfloat16.hpp"

#include <algorithm>
#include <span>
#include <vector>

namespace sibp {

/// Elements that travel as they are, from and to where they lie.
class Unrounded {
 public:
  using Element = Real;
  /// The library adds them as they are.
  static constexpr bool library_adds = true;

  /// What travels in place of `values`, not yet packed.
  static std::span<Element> room_for(std::span<Real> values) { return values; }
  static std::span<const Element> pack_all(std::span<const Real> values) { return values; }
  static void pack(std::span<const Real>, std::span<Element>) {}
  static void unpack(std::span<const Element>, std::span<Real>) {}
  /// sum[k] ← sum[k] + packed[k].
  static void add(std::span<const Element> packed, std::span<Real> sum) {
    std::ranges::transform(packed, sum, sum.begin(), [](Real x, Real y) { return x + y; });
  }
};

/// Elements that are rounded to bfloat16 to travel.
class Rounded {
 public:
  using Element = Bfloat16;
  /// The library would round sums as well, after each addition.
  static constexpr bool library_adds = false;

  std::span<Element> room_for(std::span<Real> values) {
    rounded_.resize(values.size());
    return rounded_;
  }
  std::span<const Element> pack_all(std::span<const Real> values) {
    rounded_.resize(values.size());
    pack(values, rounded_);
    return rounded_;
  }
  static void pack(std::span<const Real> values, std::span<Element> packed) {
    round_to_bfloat16(values, packed.data());
  }
  static void unpack(std::span<const Element> packed, std::span<Real> values) { from_bfloat16(packed, values.data()); }
  static void add(std::span<const Element> packed, std::span<Real> sum) { add_bfloat16(packed, sum.data()); }

 private:
  std::vector<Element> rounded_;
};

}  // namespace sibp
