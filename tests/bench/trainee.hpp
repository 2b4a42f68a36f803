#pragma once

#include "sibp/core/error.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/semi_implicit.hpp"

#include <algorithm>
#include <chrono>
#include <string>
#include <vector>

#include <fmt/format.h>

// What benchmarks of whole steps over ranks have in common.

namespace sibp::bench {

/// The network of widths such as 784-500-10.
inline NetworkSpec spec_of(const std::string& widths) {
  const auto first = widths.find('-');
  const auto last = widths.rfind('-');
  require(first != std::string::npos && last > first, "WIDTHS: expected at least one hidden layer, as in 784-500-10");
  std::string hidden = widths.substr(first + 1, last - first - 1);
  std::replace(hidden.begin(), hidden.end(), '-', ',');
  return network_from_widths(hidden, std::stoll(widths.substr(0, first)), std::stoll(widths.substr(last + 1)),
                             Loss::softmax_cross_entropy, Activation::relu);
}

/// The value of that name; throws Error (usage).
template <class T>
T named(std::string_view name, std::initializer_list<T> values) {
  for (const T value : values)
    if (name == name_of(value)) return value;
  throw Error(ExitStatus::usage, fmt::format("SUMS, WIRE: found '{}', expected a value of --sums and of --wire", name));
}

/// So large that a system is positive definite even where the other ranks' part of it is missing.
inline constexpr Damping damping{Damping::Kind::absolute, 1e9};

/// A rank's network and batch, trained through one communicator.
class Trainee {
 public:
  Trainee(const Communicator& communicator, const NetworkSpec& spec, const std::vector<Form>& forms, Index batch)
      : context_{*device_, communicator, clock_},
        network_(make_network(*device_, spec, {}, 1)),
        batch_(batch),
        workspace_(*device_, communicator, network_, batch / communicator.size()),
        rule_(make_semi_implicit(context_, spec,
                                 {damping, Carry::new_weights, forms, {batch, batch / communicator.size()}})) {
    if (communicator.size() > 1) device_->set_progress([communicator] { communicator.poll(); });
    workspace_.set_samples(batch / communicator.size());
    const MatrixView inputs = workspace_.inputs().values();
    for (Index c = 0; c < inputs.cols; ++c)
      for (Index r = 0; r < inputs.rows; ++r)
        inputs(r, c) = static_cast<Real>((c * inputs.rows + r) * 7919 % 1009) / 1009 - Real(0.5);
    for (Index j = 0; j < inputs.cols; ++j) workspace_.labels().data[j] = static_cast<std::int32_t>(j % spec.outputs());
  }

  void step() { training_step(context_, *rule_, workspace_, {batch_, 1e-4}, {}); }

 private:
  std::unique_ptr<Device> device_ = make_cpu_device(1);
  PhaseClock clock_;
  UpdateContext context_;
  Network network_;
  Index batch_;
  Workspace workspace_;
  std::unique_ptr<UpdateRule> rule_;
};

/// Seconds of one step, on the rank that needs most.
inline double timed_step(Trainee& trainee, const Communicator& world) {
  using Clock = std::chrono::steady_clock;
  world.barrier();
  const auto start = Clock::now();
  trainee.step();
  return world.max(std::chrono::duration<double>(Clock::now() - start).count());
}

inline double median(std::vector<double> values) {
  const auto middle = values.begin() + static_cast<std::ptrdiff_t>(values.size() / 2);
  std::nth_element(values.begin(), middle, values.end());
  return *middle;
}

}  // namespace sibp::bench
