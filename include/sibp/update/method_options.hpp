#pragma once

#include "sibp/core/types.hpp"
#include "sibp/update/proximal_options.hpp"

#include <string_view>
#include <vector>

namespace sibp {

/// How the weights are updated.
enum class Method {
  sibp,       ///< semi-implicit back propagation, its sub-problems solved exactly
  published,  ///< semi-implicit back propagation by the conjugate gradients of its authors' code
  proxprop,   ///< proximal back propagation
  sgd,        ///< gradient descent with momentum
  adam,
};

/// "sibp", "published", "proxprop", "sgd" or "adam".
std::string_view name_of(Method method);

/// What turns gradients, or ProxProp's steps, into updates.
enum class Optimiser {
  sgd,
  adam,
};

std::string_view name_of(Optimiser optimiser);

/// The parameters of all methods beside the step size; each method uses its own and leaves the others alone.
struct MethodOptions {
  Method method = Method::sibp;
  // sibp; published uses an absolute damping
  Damping damping;
  Carry carry = Carry::new_weights;
  std::vector<Form> forms{};  ///< one for all layers or one each; none: to be chosen by calibration
  GramRefresh refresh{};
  // proxprop
  Optimiser outer = Optimiser::sgd;
  double tau = 0.05;   ///< τ, the step size of the proximal steps, > 0
  Index cg_steps = 0;  ///< conjugate-gradient steps of a proximal step; 0: the exact solution
  // sgd, and proxprop with it outside
  double momentum = 0.9;  ///< 0 ≤ μ < 1
  bool nesterov = false;
  // adam, and proxprop with it outside
  double beta1 = 0.9;     ///< 0 ≤ β₁ < 1
  double beta2 = 0.999;   ///< 0 ≤ β₂ < 1
  double epsilon = 1e-8;  ///< ε > 0
  // sgd, adam, proxprop
  double weight_decay = 0;  ///< δ ≥ 0, of weights and biases alike: δ Ŵ is added to the gradient
};

/// The defaults of a method. Those of published are its authors' (λ = 1); those of proxprop its paper's (section 4 and
/// the code to it): τ = 0.05 and Nesterov momentum 0.95 with sgd outside, τ = 1 with adam.
MethodOptions default_options(Method method, Optimiser outer = Optimiser::sgd);

/// The step size of a method for a network of so many layers, unless another is given: η = min(1, 4 / L) for sibp (the
/// softmax Hessian in the logits is at most ½, so a step in them descends for η < 4, and L layers move at once) and 0.1
/// for published; the learning rate 0.1 for sgd and 0.001 for adam, and for proxprop 1 with sgd outside, 0.001 with
/// adam.
double default_step_size(const MethodOptions& options, Index layers);

}  // namespace sibp
