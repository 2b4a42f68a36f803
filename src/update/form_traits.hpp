#pragma once

#include "update/proximal_form.hpp"
#include "update/tally.hpp"

#include <memory>
#include <string_view>

namespace sibp {

/// What a form is made of.
struct FormPlace {
  const UpdateContext& context;
  const MapShape& map;
  const ProximalOptions& options;
  GramPlace gram;  ///< where its packed A travels, if its form has one

  /// A + λI of the map.
  [[nodiscard]] GramSystem gram_system() const { return {context, map.fan_in(), options.system_of(map), gram}; }
};

/// All that is known of one form of the proximal update. A new form has a constant of these in its own source, and a
/// line in form_registry.cpp.
struct FormTraits {
  std::string_view name;  ///< in options and the log
  std::unique_ptr<ProximalForm> (*make)(const FormPlace& place);
  /// Adds what one rank does for the update of a map, beyond the network's own products.
  void (*add_cost)(Tally& tally, const LayerInStep& layer);
  /// Elements that one rank allocates.
  double (*elements)(const LayerInStep& layer);
  bool has_gram = false;             ///< forms A = F̂ F̂ᵀ, which can be kept for several steps
  bool can_sample = false;           ///< takes the curvature from a sample of the batch, if that is wanted
  bool wants_sample = false;         ///< and is not chosen without that
  bool fits_convolutions = false;    ///< needs no columns in memory as a whole
  bool has_gradient = false;         ///< has B before it solves: measures steps (FormStep::measures), averages B
  bool lets_owner_solve = false;     ///< only the owner of a system needs its factor, if it is to solve alone
  bool is_reproducible = false;      ///< its sums over samples can be exact
  bool needs_alike_ranks = false;    ///< each of several ranks computes the same for itself, and must get the same bits
  bool needs_several_ranks = false;  ///< on one it is another form
};

}  // namespace sibp
