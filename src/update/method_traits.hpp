#pragma once

#include "sibp/core/error.hpp"
#include "sibp/update/cost_model.hpp"
#include "sibp/update/method_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>
#include <optional>
#include <string>
#include <string_view>

namespace sibp {

/// One map among those that a method trains.
struct MapInMethod {
  const NetworkSpec& spec;
  const MethodOptions& options;  ///< as settled() has them
  std::size_t map = 0;
  const StepShape& step;

  [[nodiscard]] const MapShape& shape() const { return spec.maps[map]; }
  [[nodiscard]] double weights() const { return static_cast<double>(shape().parameters()); }
  [[nodiscard]] bool is_last() const { return map + 1 == spec.maps.size(); }
  [[nodiscard]] LayerInStep in_step() const {
    return {shape(), map == 0, step, options.places.empty() ? SystemPlace{} : options.places.at(map)};
  }
  [[nodiscard]] Form form() const {
    require(map < options.forms.size(), "one form per layer is needed");
    return options.forms[map];
  }
};

/// What a method does to a map, for people, and what that costs.
struct MapCost {
  std::string update;
  LayerCost cost;
};

/// All that is known of one method. A new method has a constant of these in its own source, and a line in methods.cpp.
struct MethodTraits {
  std::string_view name;    ///< in options and the log
  std::string_view note{};  ///< beside it in --help
  /// The names of its parameters, with blanks between, as the options have them; further ones by the outer optimiser,
  /// where it has one.
  std::string_view parameters{};
  std::string_view (*parameters_of_outer)(Optimiser outer) = nullptr;
  /// Sets the defaults that are not those of MethodOptions; null: none.
  void (*set_defaults)(MethodOptions& options) = nullptr;
  /// Chooses what depends on the network and the batch and was left open; null: step, momentum, damping and weight
  /// decay become those of no choice, fixed, 0, ρ = 1 and 0.
  void (*settle)(MethodOptions& options, const NetworkSpec& spec, Index batch) = nullptr;
  /// η or the learning rate, unless another is given.
  double (*step_size)(const MethodOptions& options, const NetworkSpec& spec);
  /// Of batches out of so many samples and steps of that size, unless another is given or set by set_defaults; null: 0.
  double (*weight_decay)(const NetworkSpec& spec, Index batch, Index samples) = nullptr;
  /// `options` are settled.
  std::unique_ptr<UpdateRule> (*make)(const UpdateContext& context, const NetworkSpec& spec,
                                      const MethodOptions& options, const BatchCapacity& batch);
  /// Numbers kept of every weight from one step to the next.
  double (*moments)(const MethodOptions& options);
  /// Elements that one rank allocates for a map.
  double (*elements)(const MapInMethod& map);
  /// The same for all maps together, with so many samples on the rank; null: none.
  double (*shared_elements)(const NetworkSpec& spec, double samples) = nullptr;
  /// Elements of the means of a map's systems, of a method that may keep A for several steps; null: of no such method.
  double (*kept_elements)(const MapShape& map) = nullptr;
  MapCost (*cost)(const MapInMethod& map, const MachineRates& rates);
  /// Every rank computes products of the update for itself, so that equal replicas need equal arithmetic.
  bool needs_alike_ranks = false;
  bool has_forms = false;                       ///< solves proximal problems by forms
  bool has_owners = false;                      ///< and its systems can have owners
  bool solves_scales = false;                   ///< updates γ and β in closed form, not by their gradients
  bool has_dense_layers_alone = false;          ///< refuses every other layer
  std::optional<Damping::Kind> only_damping{};  ///< refuses the other kind
  bool is_reproducible = true;                  ///< its sums over samples can be exact
};

/// Whether a method has a parameter of this name, with these options' outer optimiser. Local.
bool has_parameter(const MethodOptions& options, std::string_view parameter);
/// The methods that have it: "sgd", "proxprop/adam" for one that has it with that outer optimiser alone. Local.
std::string methods_with(std::string_view parameter);

}  // namespace sibp
