#pragma once

#include "sibp/device/data_term.hpp"
#include "sibp/update/update_rule.hpp"

#include "update/published_search.hpp"

#include <array>

namespace sibp {

/// The objective along one line x + t d at the steps of PublishedSearch, over the samples of all ranks. Steps are
/// evaluated as they are asked for, a group at a time: one message for all where the data term is linear in x, as they
/// cost no more than one, else groups of 1, 2, 4, … steps.
///
/// All ranks get the same numbers and so take the same branches: sums over ranks are the same everywhere, and of what
/// each could compute for itself, where a last bit might differ, rank 0's counts.
class PublishedLine {
 public:
  /// What the replicated matrices give.
  struct Products {
    double descent = 0;              ///< ⟨g, d⟩
    double moved_direction = 0;      ///< ⟨x − x_old, d⟩
    double direction_direction = 0;  ///< ‖d‖²
  };

  /// `image` is H = d F, `lambda` the λ of λ ‖x − x_old‖². Evaluates the full step. Collective.
  PublishedLine(const UpdateContext& context, DataTerm& data, ConstMatrixView image, bool is_linear, double lambda,
                const Products& products);

  [[nodiscard]] double descent() const { return products_.descent; }
  /// By how much the step 0.6^m changes the data term. Collective: all ranks ask for the same.
  double data_change(int exponent);
  /// By how much it changes ‖x − x_old‖². Local.
  [[nodiscard]] double distance_change(int exponent) const;
  /// By how much it changes the objective. Collective.
  double change(int exponent) { return data_change(exponent) + lambda_ * distance_change(exponent); }

 private:
  /// Evaluates the next group, from this exponent on. Collective.
  void evaluate_from(int exponent);

  UpdateContext context_;
  DataTerm& data_;
  ConstMatrixView image_;
  double lambda_;
  Products products_;
  int group_;  ///< how many steps the next message brings
  std::array<bool, PublishedSearch::exponents> is_known_{};
  std::array<double, PublishedSearch::exponents> changes_{};
};

}  // namespace sibp
