#pragma once

#include "sibp/model/network_spec.hpp"
#include "sibp/update/proximal_options.hpp"

#include <compare>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// All that is known of a method, in its own source; see src/update/method_traits.hpp.
struct MethodTraits;
extern const MethodTraits sibp_method;
extern const MethodTraits published_method;
extern const MethodTraits proxprop_method;
extern const MethodTraits sgd_method;
extern const MethodTraits adam_method;

/// How the weights are updated.
class Method {
 public:
  /// `traits` outlives the method.
  constexpr explicit Method(const MethodTraits& traits) : traits_(&traits) {}

  static const Method sibp;       ///< semi-implicit back propagation, its sub-problems solved exactly
  static const Method published;  ///< semi-implicit back propagation by the conjugate gradients of its authors' code
  static const Method proxprop;   ///< proximal back propagation
  static const Method sgd;        ///< gradient descent with momentum
  static const Method adam;

  [[nodiscard]] constexpr const MethodTraits& traits() const { return *traits_; }
  friend constexpr auto operator<=>(Method, Method) = default;

 private:
  const MethodTraits* traits_;
};

inline constexpr Method Method::sibp{sibp_method};
inline constexpr Method Method::published{published_method};
inline constexpr Method Method::proxprop{proxprop_method};
inline constexpr Method Method::sgd{sgd_method};
inline constexpr Method Method::adam{adam_method};

/// Every method that has a name in the options. Local.
const std::vector<Method>& all_methods();
/// As the options have it: "sibp", "sgd" and so on.
std::string_view name_of(Method method);
/// The methods that `belongs` says yes to, in words: "sibp, sgd or adam".
std::string methods_in_words(const std::function<bool(Method)>& belongs);

/// What turns gradients, or ProxProp's steps, into updates.
enum class Optimiser {
  sgd,
  adam,
};

std::string_view name_of(Optimiser optimiser);

/// The parameters of all methods beside the step size; each method uses its own and leaves the others alone.
struct MethodOptions {
  Method method = Method::sibp;
  // sibp and kfac; published uses an absolute damping, kfac a relative one
  std::optional<Damping> damping{};  ///< absent: see settled()
  Carry carry = Carry::new_weights;
  Owners owners = Owners::automatic;
  std::vector<Form> forms{};    ///< one for all layers or one each; none: to be chosen
  bool measures_forms = false;  ///< where they are: by a calibration rather than by nominal rates
  bool staggers = false;        ///< ProximalOptions::staggers
  GramRefresh refresh{};
  SystemOptions convolution = default_convolution_system();
  std::optional<StepRule> step{};     ///< absent: see settled()
  std::vector<SystemPlace> places{};  ///< one each, as chosen for these ranks; none: no system has an owner
  Index sample = 1;                   ///< ProximalOptions::sample
  bool ranks_are_alike = true;        ///< ProximalOptions::ranks_are_alike
  // proxprop
  Optimiser outer = Optimiser::sgd;
  double tau = 0.05;      ///< τ, the step size of the proximal steps, > 0
  Index cg_steps = 0;     ///< conjugate-gradient steps of a proximal step; 0: the exact solution
  double kl_clip = 1e-3;  ///< κ of kfac, > 0
  // sibp, sgd, muon, kfac, and proxprop with sgd outside
  std::optional<double> momentum{};  ///< 0 ≤ μ < 1; absent: see settled()
  std::optional<bool> nesterov{};    ///< of sibp, sgd, kfac and proxprop with sgd outside; absent: see settled()
  std::optional<bool> momentum_of_gradient{};  ///< of sibp: see StepMomentum; absent: see settled()
  bool decouples_decay = false;                ///< Adam's weight decay: Ŵ ← (1 − δ η) Ŵ before the step
  // adam, adamw, muon for its last map and its scales, and proxprop with adam outside
  double beta1 = 0.9;     ///< 0 ≤ β₁ < 1
  double beta2 = 0.999;   ///< 0 ≤ β₂ < 1
  double epsilon = 1e-8;  ///< ε > 0
  /// δ ≥ 0, of weights and biases alike: δ Ŵ is added to the gradient; sibp: Ŵ ← (1 − δ s) Ŵ; muon: Ŵ ← (1 − δ η) Ŵ;
  /// kfac: added to its step; absent: default_weight_decay(), or 0 where settled() is not told of it.
  std::optional<double> weight_decay{};
  double average = 0;  ///< β of averaged weights (AveragedWeights), of every method; 0: none
};

/// The defaults of a method. Those of published are its authors' (λ = 1); those of proxprop its paper's (section 4 and
/// the code to it): τ = 0.05 and Nesterov momentum 0.95 with sgd outside, τ = 1 with adam.
MethodOptions default_options(Method method, Optimiser outer = Optimiser::sgd);

/// The options with all chosen that depends on the network and the batch and was left open. sibp: the step rule is
/// fixed for chains of dense layers and newton-muon where there are convolutions, the momentum 0 and 0.9; κ is 0.03 for
/// up to 500 samples in a batch and grows as their root, as the noise of a gradient falls, up to 0.08. Gradients are
/// averaged in Nesterov's form where steps have a polar factor, and updates elsewhere. The damping of fixed steps is
/// relative with ρ = 2, that of other steps with ρ = 1. A `batch` of 0 is for those who do not read κ. Local.
MethodOptions settled(MethodOptions options, const NetworkSpec& spec, Index batch = 0);

/// The step size of a method for a network, unless another is given: η = min(3, 6 / L) for fixed steps of sibp with L
/// dense layers (the softmax Hessian in the logits is at most ½, so a step in them descends for η < 4; L layers move at
/// once, and with ρ = 2 each about as far as two thirds of η asks), min(1, 4 / L) for its other steps, 0.5 with
/// convolutions, and 0.1 for published; the learning rate 0.1 for sgd (0.05 with convolutions) and 0.001 for
/// adam and adamw, 0.1 for muon and kfac, and for proxprop 1 with sgd outside, 0.001 with adam.
double default_step_size(const MethodOptions& options, const NetworkSpec& spec);

/// The weight decay of a method, unless another is given: for sibp on chains of dense layers δ = M / (2 N) with batches
/// of M out of N training samples, so that what the weights took up is forgotten in about two epochs, whatever M and N
/// are (as Wang and Aitchison, arXiv 2405.13698, found of AdamW), and less by as much as η lies below
/// default_step_size(); otherwise 0, or what default_options() has (adamw). Local.
double default_weight_decay(const MethodOptions& options, const NetworkSpec& spec, double eta, Index batch,
                            Index samples);

}  // namespace sibp
