#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"

#include "device/element_work.hpp"

#include <cstdint>

/// Channels and dropout element by element, as in element_work.hpp, and sums over the pixels of a channel by teams, as
/// in team_work.hpp.
namespace sibp::work {

/// Coefficients of combine_channels; `sample_step` is the distance from one sample's to the next's, 0 if all samples
/// have the same.
struct CombineChannels {
  Index channels;
  const double* of_x;
  const double* of_z;
  const double* constant;
  Index sample_step;
  ConstMatrixView x;
  ConstMatrixView z;  ///< may have no elements
  Activation activation;
  Real beta;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const {
    const Index k = r % channels + c * sample_step;
    Real sum = static_cast<Real>(of_x[k]) * x(r, c) + static_cast<Real>(constant[k]);
    if (z.data != nullptr) sum += static_cast<Real>(of_z[k]) * z(r, c);
    const Real output = activated(activation, sum);
    y(r, c) = beta == Real(0) ? output : output + beta * y(r, c);
  }
};

/// 32 random bits of element r of the sample with this key: the generator SplitMix64, entered at its r-th number.
constexpr std::uint32_t random_bits(std::uint64_t key, std::uint64_t r) {
  std::uint64_t bits = key + (r + 1) * 0x9e3779b97f4a7c15U;
  bits = (bits ^ (bits >> 30U)) * 0xbf58476d1ce4e5b9U;
  bits = (bits ^ (bits >> 27U)) * 0x94d049bb133111ebU;
  return static_cast<std::uint32_t>(bits >> 32U);
}

struct Dropout {
  Dropout(double rate, const std::uint64_t* sample_keys, ConstMatrixView input, MatrixView output)
      : dropped(static_cast<std::uint32_t>(rate * 4294967296.0)),
        kept_scale(static_cast<Real>(1 / (1 - rate))),
        keys(sample_keys),
        x(input),
        y(output) {}

  constexpr void operator()(Index r, Index c) const {
    const Real factor = random_bits(keys[c], static_cast<std::uint64_t>(r)) < dropped ? Real(0) : kept_scale;
    y(r, c) = x(r, c) * factor;
  }

  std::uint32_t dropped;  ///< of 2^32 numbers, those that drop an element
  Real kept_scale;
  const std::uint64_t* keys;
  ConstMatrixView x;
  MatrixView y;
};

/// Σ x and Σ x ∘ z of one channel over the pixels of samples part, part + parts, …, which go to sums[2 · channels ·
/// part + channel] and `channels` further. Members whose channel is beyond the last only take part in the team's sums.
struct ChannelSums {
  Index channels;
  ConstMatrixView x;
  ConstMatrixView z;
  Index parts;
  double* sums;

  template <class Team>
  constexpr void operator()(const Team& team, Index channel, Index part) const {
    const Index pixels = x.rows / channels;
    const Index samples = channel < channels ? (x.cols - part + parts - 1) / parts : 0;
    const Index items = samples * pixels;
    double of_x = 0;
    double of_products = 0;
    for (Index item = team.rank(); item < items; item += team.size()) {
      const Index sample = part + item / pixels * parts;
      const Index r = item % pixels * channels + channel;
      const auto value = static_cast<double>(x(r, sample));
      of_x += value;
      of_products += value * static_cast<double>(z(r, sample));
    }
    of_x = team.sum(of_x);
    of_products = team.sum(of_products);
    if (team.rank() != 0 || channel >= channels) return;
    double* target = sums + 2 * channels * part + channel;
    target[0] = of_x;
    target[channels] = of_products;
  }
};

/// sums[r] ← Σ over parts of those `size` numbers each.
struct AddParts {
  const double* of_parts;
  Index parts;
  Index size;
  double* sums;
  constexpr void operator()(Index r, Index) const {
    double sum = 0;
    for (Index part = 0; part < parts; ++part) sum += of_parts[part * size + r];
    sums[r] = sum;
  }
};

}  // namespace sibp::work
