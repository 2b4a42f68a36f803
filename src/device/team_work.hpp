#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"

#include "device/element_work.hpp"

#include <cmath>
#include <limits>

/// What a GPU adds up: terms of sums over matrices, and operations on whole columns or diagonals that a team of threads
/// shares. A team has rank(), size(), and sum(), least() and largest() over its members' values, which all members get.
/// Nothing here is CUDA: cuda_teams.cuh has the teams of a GPU, and the tests use Alone, on the host.
namespace sibp::work {

/// An element and its row.
struct Largest {
  Real value;
  Index row;
};

/// The larger of two; of equal ones that of the smaller row.
constexpr Largest larger(const Largest& a, const Largest& b) {
  return b.value > a.value || (b.value == a.value && b.row < a.row) ? b : a;
}

/// A team of one.
struct Alone {
  [[nodiscard]] static constexpr Index rank() { return 0; }
  [[nodiscard]] static constexpr Index size() { return 1; }
  template <class T>
  [[nodiscard]] constexpr T sum(T value) const {
    return value;
  }
  [[nodiscard]] constexpr Index least(Index value) const { return value; }
  [[nodiscard]] constexpr Largest largest(const Largest& value) const { return value; }
};

// --- terms: term(r, c, k) of sum k over all elements ---

struct SquareTerm {
  ConstMatrixView a;
  constexpr double operator()(Index r, Index c, Index) const {
    return static_cast<double>(a(r, c)) * static_cast<double>(a(r, c));
  }
};

struct ProductTerm {
  ConstMatrixView a;
  ConstMatrixView b;
  constexpr double operator()(Index r, Index c, Index) const {
    return static_cast<double>(a(r, c)) * static_cast<double>(b(r, c));
  }
};

// --- columns ---

/// What one sample adds to the sums of the loss.
struct SampleLoss {
  double loss;
  double correct;  ///< 1 or 0
};

/// The largest element of column c; row f.rows if none is more than −∞.
template <class Team>
constexpr Largest largest_of_column(const Team& team, ConstMatrixView f, Index c) {
  Largest best{-std::numeric_limits<Real>::infinity(), f.rows};
  for (Index r = team.rank(); r < f.rows; r += team.size()) {
    if (f(r, c) > best.value) best = {f(r, c), r};
  }
  return team.largest(best);
}

/// p ← softmax(f) of column c, which may be the same. Returns log Σ exp(f − max), of which the loss is made.
template <class Team>
constexpr double softmax_column(const Team& team, ConstMatrixView f, const Largest& best, MatrixView p, Index c) {
  Real total = 0;
  for (Index r = team.rank(); r < f.rows; r += team.size()) {
    p(r, c) = std::exp(f(r, c) - best.value);
    total += p(r, c);
  }
  total = team.sum(total);
  for (Index r = team.rank(); r < f.rows; r += team.size()) p(r, c) /= total;
  return std::log(static_cast<double>(total));
}

struct SoftmaxCrossEntropy {
  ConstMatrixView f;
  const std::int32_t* labels;
  double smoothing;
  MatrixView d;

  template <class Team>
  constexpr SampleLoss operator()(const Team& team, Index c) const {
    const Index label = labels[c];
    const Largest best = largest_of_column(team, f, c);
    const double log_total = softmax_column(team, f, best, d, c);
    const double target = (1 - smoothing) * static_cast<double>(f(label, c) - best.value) + smooth(team, best, c);
    if (label % team.size() == team.rank()) d(label, c) -= static_cast<Real>(1 - smoothing);  // by who has written it
    // −log softmax(F) = log Σ exp(F − max) − (F − max), weighted by the targets
    return {log_total - target, best.row == label ? 1.0 : 0.0};
  }

 private:
  /// The share of all classes: takes it from D and returns that of Σ T (F − max).
  template <class Team>
  constexpr double smooth(const Team& team, const Largest& best, Index c) const {
    if (smoothing == 0) return 0;
    const double share = smoothing / static_cast<double>(f.rows);
    double sum = 0;
    for (Index r = team.rank(); r < f.rows; r += team.size()) {
      d(r, c) -= static_cast<Real>(share);
      sum += static_cast<double>(f(r, c) - best.value);
    }
    return share * team.sum(sum);
  }
};

struct SquaredError {
  ConstMatrixView f;
  const std::int32_t* labels;
  MatrixView d;

  template <class Team>
  constexpr SampleLoss operator()(const Team& team, Index c) const {
    const Index label = labels[c];
    const Largest best = largest_of_column(team, f, c);
    double squares = 0;
    for (Index r = team.rank(); r < f.rows; r += team.size()) {
      d(r, c) = f(r, c) - (r == label ? Real(1) : Real(0));
      squares += static_cast<double>(d(r, c)) * static_cast<double>(d(r, c));
    }
    return {0.5 * team.sum(squares), best.row == label ? 1.0 : 0.0};
  }
};

struct Softmax {
  MatrixView f;

  template <class Team>
  constexpr SampleLoss operator()(const Team& team, Index c) const {
    softmax_column(team, f, largest_of_column(team, f, c), f, c);
    return {0, 0};
  }
};

// --- diagonals ---

/// a ← a + λ I with λ = absolute + per_trace · trace(a).
struct Damp {
  MatrixView a;
  double absolute;
  double per_trace;
  double* lambda;

  template <class Team>
  constexpr void operator()(const Team& team) const {
    double trace = 0;
    for (Index i = team.rank(); i < a.rows; i += team.size()) trace += static_cast<double>(a(i, i));
    const double damping = absolute + per_trace * team.sum(trace);
    for (Index i = team.rank(); i < a.rows; i += team.size()) a(i, i) += static_cast<Real>(damping);
    if (team.rank() == 0) *lambda = damping;
  }
};

/// failed_minor ← what Device::cholesky returns, from the factor and what the library says of it. A diagonal element
/// that is no number above 0 is a failure whatever the library says.
struct FindFailedMinor {
  ConstMatrixView factor;
  const int* info;
  Index* failed_minor;

  template <class Team>
  constexpr void operator()(const Team& team) const {
    Index first = factor.rows;
    for (Index i = team.rank(); i < factor.rows; i += team.size()) {
      if (!(factor(i, i) > Real(0)) && i < first) first = i;
    }
    first = team.least(first);
    if (team.rank() != 0) return;
    *failed_minor = *info != 0 ? *info : first < factor.rows ? first + 1 : 0;
  }
};

}  // namespace sibp::work
