#pragma once

#include "sibp/core/matrix_view.hpp"
#include "sibp/device/activation.hpp"
#include "sibp/device/samples.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <cstdint>
#include <span>

namespace sibp {

/// Sums over the samples of one call; divide by the global count once, when reporting.
struct LossSums {
  double loss = 0;    ///< sum of the per-sample losses
  Index correct = 0;  ///< samples whose largest output is that of their class

  friend bool operator==(const LossSums&, const LossSums&) = default;
};

/// Elements of a block of a large matrix that is formed, multiplied and forgotten: what fits a processor's cache.
inline constexpr Index elements_at_hand = Index{1} << 18;

/// What becomes of a channel of a tensor in combine_channels; host memory, one number a channel, or one a channel and
/// sample (channels × M, channels fastest).
struct ChannelCoefficients {
  std::span<const double> of_x;
  std::span<const double> of_z;
  std::span<const double> constant;
};

/// What networks do beside products of matrices: activations, pooling, normalisation, patches, losses. Every call is
/// Local. Tensors are matrices as TensorShape has them, a column per sample; columns may lie apart (stride > rows).
///
/// As in LinearAlgebra, the public functions check shapes, deal with empty input and call do_ functions. All throw
/// Error (runtime) if shapes do not fit. An output must not overlap an input unless the function says so. In functions
/// of the way back, `beta` is 0 where the result overwrites `dx`, whatever that holds, and 1 where it is added to it.
class NetworkOperations {
 public:
  NetworkOperations() = default;
  NetworkOperations(const NetworkOperations&) = delete;
  NetworkOperations& operator=(const NetworkOperations&) = delete;
  virtual ~NetworkOperations() = default;

  /// F = σ(G), in place: f holds G on entry and F on exit.
  void activate(Activation activation, MatrixView f);
  /// S = D ∘ σ'(G). The derivative is taken from `known`: F = σ(G), but for gelu G itself (see derivative_needs_input).
  /// All three are n × M; s may be d.
  void apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s);

  /// Patches of places first … first + patches.cols − 1 of the window, counted over the samples one after the other
  /// (place p of sample m is number m · places() + p): column k ← the patch() inputs under the window, 0 beyond the
  /// edge. `patches` has patch() rows, or one more, which is filled with 1.
  void unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches);
  /// The adjoint of unfold: images ← images + Σ patches, element by element; `patches` has patch() rows.
  void fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images);

  /// y ← the largest input under every place of the window, channel by channel.
  void max_pool(const Window& window, ConstMatrixView x, MatrixView y);
  /// dx ← beta dx + dy, where y was taken from: the first of equal inputs in the order of the patch.
  void max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy, Real beta,
                         MatrixView dx);
  /// y ← the mean of the inputs under every place of the window, channel by channel.
  void mean_pool(const Window& window, ConstMatrixView x, MatrixView y);
  /// dx ← beta dx + the share of dy of each input.
  void mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx);

  /// Σ x and Σ x ∘ z over the pixels of all samples, for each of `channels` channels, accumulated in double in an order
  /// that does not depend on other channels; or, where `sums` has 2 · channels numbers for each sample, of every sample
  /// by itself, in an order that does not depend on other samples either. sums[0 … channels) ← Σ x, [channels, 2
  /// channels) ← Σ x ∘ z, sample after sample. z may be x. `sums` is host memory.
  void channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums);
  /// y ← σ(a x + b z + c) + beta y, with a number of a, b and c for every channel, or for every channel of every
  /// sample. A `z` without elements is 0. y may be x or z. Forward pass of a normalisation: b absent; its way back: x
  /// the difference, z the input.
  void combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x, ConstMatrixView z,
                        Activation activation, Real beta, MatrixView y);

  /// y ← x ∘ m / (1 − rate), where m is 0 with probability `rate` and else 1: element r of column k is drawn from
  /// (keys[k], r) alone. y may be x. `keys` is host memory, one a sample.
  void dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y);

  /// D = softmax(F) − T, F and D classes × M, with targets T = (1 − smoothing) Y + smoothing / classes, Y the one-hot
  /// columns of `labels`. Loss: −Σ T log softmax(F) per sample; it joins the sums that take_loss_sums() will return.
  void softmax_cross_entropy(ConstMatrixView f, ConstLabelView labels, double smoothing, MatrixView d);
  /// D = F − Y. Loss: ½ ‖F − Y‖² per sample, which joins the sums too.
  void squared_error(ConstMatrixView f, ConstLabelView labels, MatrixView d);
  /// The sums of the losses since the last call, which begin anew.
  [[nodiscard]] LossSums take_loss_sums() { return do_take_loss_sums(); }
  /// P = softmax(F), column by column, in place.
  void softmax(MatrixView f);

 private:
  virtual void do_activate(Activation activation, MatrixView f) = 0;
  virtual void do_apply_derivative(Activation activation, ConstMatrixView known, ConstMatrixView d, MatrixView s) = 0;
  virtual void do_unfold(const Window& window, ConstMatrixView images, Index first, MatrixView patches) = 0;
  virtual void do_fold(const Window& window, ConstMatrixView patches, Index first, MatrixView images) = 0;
  virtual void do_max_pool(const Window& window, ConstMatrixView x, MatrixView y) = 0;
  virtual void do_max_pool_backward(const Window& window, ConstMatrixView x, ConstMatrixView y, ConstMatrixView dy,
                                    Real beta, MatrixView dx) = 0;
  virtual void do_mean_pool(const Window& window, ConstMatrixView x, MatrixView y) = 0;
  virtual void do_mean_pool_backward(const Window& window, ConstMatrixView dy, Real beta, MatrixView dx) = 0;
  virtual void do_channel_sums(Index channels, ConstMatrixView x, ConstMatrixView z, std::span<double> sums) = 0;
  virtual void do_combine_channels(Index channels, const ChannelCoefficients& coefficients, ConstMatrixView x,
                                   ConstMatrixView z, Activation activation, Real beta, MatrixView y) = 0;
  virtual void do_dropout(double rate, std::span<const std::uint64_t> keys, ConstMatrixView x, MatrixView y) = 0;
  virtual void do_softmax_cross_entropy(ConstMatrixView f, const std::int32_t* labels, double smoothing,
                                        MatrixView d) = 0;
  virtual void do_squared_error(ConstMatrixView f, const std::int32_t* labels, MatrixView d) = 0;
  virtual LossSums do_take_loss_sums() = 0;
  virtual void do_softmax(MatrixView f) = 0;
};

}  // namespace sibp
