#pragma once

#include "update/proximal_form.hpp"

#include <memory>
#include <vector>

namespace sibp {

/// The proximal solves of a network's first maps, each in its form. All functions are Collective.
class ProximalForms {
 public:
  /// For the maps before `end` (counted from 0). Throws Error (runtime) if `options` have no form for one of them, or
  /// refresh A now and then in a form that has none; (usage) naming the layer if its form does not fit it.
  ProximalForms(const UpdateContext& context, const NetworkSpec& spec, const ProximalOptions& options, std::size_t end);

  [[nodiscard]] std::size_t size() const { return forms_.size(); }
  [[nodiscard]] ProximalForm& operator[](std::size_t layer) { return *forms_.at(layer); }

  /// To be called for all of the network's maps in their order: P̂ of one is known.
  void features_ready(LinearMap& map);
  /// To be called before the first backward() of a step.
  void forward_done();
  /// Makes the state of all forms equal on all ranks.
  void gather_state();

 private:
  UpdateContext context_;
  std::unique_ptr<GramSums> grams_;  ///< the packed A of the maps that have one
  std::vector<std::unique_ptr<ProximalForm>> forms_;
  Index sample_;                 ///< ProximalOptions::sample
  std::vector<Index> per_rank_;  ///< M_q of this step
  std::vector<Index> sampled_;   ///< DealtSamples::sampled, where these are not all
  DealtSamples samples_;
};

}  // namespace sibp
