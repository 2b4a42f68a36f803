#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"
#include "sibp/device/optimiser_steps.hpp"
#include "sibp/device/picture_change.hpp"
#include "sibp/device/samples.hpp"

#include "device/activation_work.hpp"

#include <cmath>
#include <cstdint>

/// What devices do with single elements. Each type is one operation of Device; its call operator does all there is to
/// do for element (r, c). Nothing here is CUDA: the kernels call it for every element, and so do loops on the host.
namespace sibp::work {

struct Fill {
  MatrixView a;
  Real value;
  constexpr void operator()(Index r, Index c) const { a(r, c) = value; }
};

struct Scale {
  Real alpha;
  MatrixView a;
  constexpr void operator()(Index r, Index c) const { a(r, c) *= alpha; }
};

/// Lower triangle of a ← beta a, where beta = 0 overwrites what is not finite too.
struct ScaleTriangle {
  Real beta;
  MatrixView a;
  constexpr void operator()(Index r, Index c) const {
    if (r >= c) a(r, c) = beta == Real(0) ? Real(0) : beta * a(r, c);
  }
};

struct Axpy {
  Real alpha;
  ConstMatrixView x;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const { y(r, c) += alpha * x(r, c); }
};

/// Where column c of the lower triangle of an n × n matrix begins when its columns lie one behind the other, less c: so
/// that element (r, c) is at first + r.
constexpr Index packed_column(Index n, Index c) {
  return c * n - c * (c + 1) / 2;
}

struct PackTriangle {
  ConstMatrixView a;
  Real* packed;
  constexpr void operator()(Index r, Index c) const {
    if (r >= c) packed[packed_column(a.rows, c) + r] = a(r, c);
  }
};

struct UnpackTriangle {
  const Real* packed;
  MatrixView a;
  constexpr void operator()(Index r, Index c) const {
    if (r >= c) a(r, c) = packed[packed_column(a.rows, c) + r];
  }
};

struct CombineRows {
  const double* alpha;
  ConstMatrixView x;
  const double* beta;
  MatrixView y;
  constexpr void operator()(Index r, Index c) const {
    y(r, c) = static_cast<Real>(alpha[r]) * x(r, c) + static_cast<Real>(beta[r]) * y(r, c);
  }
};

struct Activate {
  Activation activation;
  MatrixView f;
  constexpr void operator()(Index r, Index c) const { f(r, c) = activated(activation, f(r, c)); }
};

struct ApplyDerivative {
  Activation activation;
  ConstMatrixView known;
  ConstMatrixView d;
  MatrixView s;
  constexpr void operator()(Index r, Index c) const { s(r, c) = d(r, c) * derivative(activation, known(r, c)); }
};

struct Momentum {
  Momentum(const MomentumStep& step, ConstMatrixView gradient, MatrixView velocity, MatrixView weights)
      : rate(static_cast<Real>(step.rate)),
        momentum(static_cast<Real>(step.momentum)),
        decay(static_cast<Real>(step.weight_decay)),
        nesterov(step.nesterov),
        given(gradient),
        v(velocity),
        w(weights) {}

  constexpr void operator()(Index r, Index c) const {
    const Real g = given(r, c) + decay * w(r, c);
    v(r, c) = momentum * v(r, c) + g;
    w(r, c) -= rate * (nesterov ? g + momentum * v(r, c) : v(r, c));
  }

  Real rate, momentum, decay;
  bool nesterov;
  ConstMatrixView given;
  MatrixView v, w;
};

struct Adam {
  Adam(const AdamStep& step, ConstMatrixView gradient, MatrixView first, MatrixView second, MatrixView weights)
      : beta1(static_cast<Real>(step.beta1)),
        beta2(static_cast<Real>(step.beta2)),
        rest1(static_cast<Real>(1 - step.beta1)),  // in double: β₂ is very near 1
        rest2(static_cast<Real>(1 - step.beta2)),
        decay(static_cast<Real>(step.weight_decay)),
        epsilon(static_cast<Real>(step.epsilon)),
        rate(static_cast<Real>(step.rate / step.first_correction)),
        second_scale(static_cast<Real>(1 / step.second_correction)),
        given(gradient),
        m(first),
        v(second),
        w(weights) {}

  constexpr void operator()(Index r, Index c) const {
    const Real g = given(r, c) + decay * w(r, c);
    m(r, c) = beta1 * m(r, c) + rest1 * g;
    v(r, c) = beta2 * v(r, c) + rest2 * g * g;
    w(r, c) -= rate * m(r, c) / (std::sqrt(second_scale * v(r, c)) + epsilon);
  }

  Real beta1, beta2, rest1, rest2, decay, epsilon, rate, second_scale;
  ConstMatrixView given;
  MatrixView m, v, w;
};

/// The sample that is number k of a batch; null stands for 0, 1, 2 …
constexpr Index sample_of(const Index* columns, Index k) {
  return columns == nullptr ? k : columns[k];
}

/// The features of samples, one behind the other, of either type.
class StoredFeatures {
 public:
  StoredFeatures(const std::uint8_t* data, FeatureType type)
      : bytes_(type == FeatureType::byte ? data : nullptr), floats_(reinterpret_cast<const float*>(data)) {}

  constexpr Real operator[](Index k) const {
    return bytes_ != nullptr ? static_cast<Real>(bytes_[k]) : static_cast<Real>(floats_[k]);
  }

 private:
  const std::uint8_t* bytes_;  ///< null: floats
  const float* floats_;
};

/// Element (r, c) of a batch from the features of its sample: columns[c] of those in `stored`.
struct LoadInputs {
  StoredFeatures stored;  ///< inputs.rows a sample
  const Index* columns;   ///< as in sample_of
  ConstMatrixView shift;
  ConstMatrixView scale;
  MatrixView inputs;
  [[nodiscard]] constexpr Real value(Index r, Index c) const {
    return scale(r, 0) * (stored[sample_of(columns, c) * inputs.rows + r] - shift(r, 0));
  }
  constexpr void operator()(Index r, Index c) const { inputs(r, c) = value(r, c); }
};

/// The same of pictures that are changed.
struct LoadPictures {
  LoadInputs unchanged;
  const PictureChange* changes;  ///< by column of the batch
  TensorShape shape;
  constexpr void operator()(Index r, Index c) const {
    const Index source = source_of(changes[c], shape, r);
    unchanged.inputs(r, c) = source < 0 ? Real(0) : unchanged.value(source, c);
  }
};

/// labels[r] of a batch.
struct LoadLabels {
  const std::int32_t* stored;
  const Index* columns;
  std::int32_t* labels;
  constexpr void operator()(Index r, Index) const { labels[r] = stored[sample_of(columns, r)]; }
};

}  // namespace sibp::work
