#include "device/cpu_data_term.hpp"

#include "sibp/core/error.hpp"

#include "device/cpu_activation.hpp"
#include "device/eigen_maps.hpp"
#include "device/level3.hpp"

#include <algorithm>
#include <vector>

namespace sibp::cpu {
namespace {

using Doubles = Eigen::Map<Eigen::ArrayXXd>;

/// Memory for matrices of one shape after the other; grows to the largest.
class DoubleScratch {
 public:
  Doubles of(Index rows, Index cols) {
    const auto size = static_cast<std::size_t>(rows * cols);
    if (values_.size() < size) values_.resize(size);
    return {values_.data(), rows, cols};
  }

 private:
  std::vector<double> values_;
};

class CpuDataTerm final : public DataTerm {
 public:
  void start(Activation activation, ConstMatrixView weights, ConstMatrixView features, double eta,
             ConstMatrixView difference) override {
    activation_ = activation;
    rows_ = weights.rows;
    cols_ = features.cols;
    require(weights.cols == features.rows, "data term: weights and features do not fit");
    require_shape(difference);
    if (difference.empty()) return;
    auto left = left_.of(weights.rows, weights.cols);
    auto right = right_.of(features.rows, features.cols);
    left = eigen(weights).array().cast<double>();
    right = eigen(features).array().cast<double>();
    level3::product(Op::none, Op::none, {weights.rows, features.cols, weights.cols}, left.data(), right.data(),
                    g().data());
    for (Index c = 0; c < cols_; ++c) {  // column by column: what is activated is still in the cache
      auto target = t().col(c);
      activate(activation_, g().col(c).data(), target.data(), rows_);
      target -= eta * eigen(difference).col(c).array().cast<double>();
    }
  }

  void residual_delta(MatrixView r) override {
    require_shape(r);
    auto outputs = column_.of(rows_, 1);
    auto residual = residual_.of(rows_, 1);
    for (Index c = 0; c < cols_; ++c) {
      const double* inputs = g().col(c).data();
      activate(activation_, inputs, outputs.data(), rows_);
      residual = outputs - t().col(c);
      const double* known = derivative_needs_input(activation_) ? inputs : outputs.data();
      apply_derivative(activation_, known, residual.data(), residual.data(), rows_);
      eigen(r).col(c) = residual.matrix().cast<Real>();
    }
  }

  void changes(ConstMatrixView h, std::span<const double> steps, std::span<double> changes) override {
    require_shape(h);
    require(steps.size() == changes.size(), "data term: one change per step is needed");
    std::fill(changes.begin(), changes.end(), 0.0);
    if (activation_ == Activation::identity) {
      changes_of_linear(h, steps, changes);
      return;
    }
    auto outputs = column_.of(rows_, 1);
    auto residuals = residual_.of(rows_, 1);  // σ(G) − 2T
    auto direction = direction_.of(rows_, 1);
    auto moved = moved_.of(rows_, 1);
    for (Index c = 0; c < cols_; ++c) {
      direction = eigen(h).col(c).array().cast<double>();
      activate(activation_, g().col(c).data(), outputs.data(), rows_);
      residuals = outputs - 2 * t().col(c);
      for (std::size_t k = 0; k < steps.size(); ++k) {
        moved = g().col(c) + steps[k] * direction;
        activate(activation_, moved.data(), moved.data(), rows_);
        changes[k] += ((moved - outputs) * (moved + residuals)).sum();  // a² − b² = (a − b)(a + b)
      }
    }
  }

  void move(double t, ConstMatrixView h) override {
    require_shape(h);
    for (Index c = 0; c < cols_; ++c) g().col(c) += t * eigen(h).col(c).array().cast<double>();
  }

 private:
  Doubles g() { return g_.of(rows_, cols_); }
  Doubles t() { return t_.of(rows_, cols_); }

  void require_shape(ConstMatrixView a) const {
    require(a.rows == rows_ && a.cols == cols_,
            "data term: a matrix must have a row per output and a column per sample");
  }

  /// 2t ⟨G − T, H⟩ + t² ‖H‖²
  void changes_of_linear(ConstMatrixView h, std::span<const double> steps, std::span<double> changes) {
    double slope = 0;
    double curvature = 0;
    auto direction = direction_.of(rows_, 1);
    for (Index c = 0; c < cols_; ++c) {
      direction = eigen(h).col(c).array().cast<double>();
      slope += 2 * ((g().col(c) - t().col(c)) * direction).sum();
      curvature += direction.square().sum();
    }
    for (std::size_t k = 0; k < steps.size(); ++k) changes[k] = steps[k] * (slope + steps[k] * curvature);
  }

  Activation activation_ = Activation::identity;
  Index rows_ = 0;  ///< outputs
  Index cols_ = 0;  ///< samples
  DoubleScratch g_, t_;
  DoubleScratch left_, right_;                           ///< Ŵ and F̂ in double
  DoubleScratch column_, residual_, direction_, moved_;  ///< one sample
};

}  // namespace

std::unique_ptr<DataTerm> make_data_term() {
  return std::make_unique<CpuDataTerm>();
}

}  // namespace sibp::cpu
