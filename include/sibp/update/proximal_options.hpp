#pragma once

#include "sibp/model/map_shape.hpp"

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// The proximal weight λ_i of a layer, the weight of ‖ΔŴ_i‖² in its least-squares problem.
struct Damping {
  enum class Kind {
    relative,  ///< λ_i = ρ · trace(A_i) / (n_{i−1} + 1): free of batch size, pixel scaling and layer width
    absolute,  ///< λ_i = λ on the summed A_i, as in the paper
  };
  Kind kind = Kind::relative;
  double value = 1;  ///< ρ or λ, > 0
};

/// Which weights carry the difference backward, D_{i−1} = W_iᵀ S_i.
enum class Carry {
  new_weights,  ///< those after the update: what makes the method semi-implicit
  old_weights,  ///< those before it, as back propagation does
};

/// All that is known of a form, in its own source; see src/update/form_traits.hpp.
struct FormTraits;
extern const FormTraits normal_form;
extern const FormTraits activations_form;
extern const FormTraits dual_form;
extern const FormTraits dual_split_form;
extern const FormTraits low_rank_form;

/// How the proximal update of a layer is computed over ranks; all forms give the same update up to rounding. With
/// n = n_{i−1} + 1 and o = n_i, per rank of P and beyond the network's own products:
class Form {
 public:
  /// `traits` outlives the form.
  constexpr explicit Form(const FormTraits& traits) : traits_(&traits) {}

  static const Form normal;  ///< reduce A and B, solve ΔŴ (A + λI) = B, each rank its rows: n²M/P + 2noM/P + n³/3 +
                             ///< 2n²o/P flops
  static const Form activations;  ///< reduce A in the forward pass, then Σ_p R_p Y_pᵀ with Y_p = (A + λI)⁻¹ F̂_p: n³/3 +
                                  ///< 2n²M/P in its place
  static const Form dual;  ///< gather F̂ and R, solve in sample space, every rank the whole update: nM² + M³/3 + 2mM² +
                           ///< 2noM, m = min(n, o)
  static const Form dual_split;  ///< the same solve, but each rank only its share of Ŵ, and all gather these: nM²/P +
                                 ///< M³/3 + (2mM² + 2noM)/P
  static const Form low_rank;  ///< gather m sampled columns of F̂, apply the inverse to F̂ by Woodbury's identity, then
                               ///< Σ_p R_p Y_pᵀ as activations: nm² + m³/3 + (2noM + 4nmM + 2m²M)/P

  [[nodiscard]] constexpr const FormTraits& traits() const { return *traits_; }
  friend constexpr bool operator==(Form, Form) = default;

 private:
  const FormTraits* traits_;
};

inline constexpr Form Form::normal{normal_form};
inline constexpr Form Form::activations{activations_form};
inline constexpr Form Form::dual{dual_form};
inline constexpr Form Form::dual_split{dual_split_form};
inline constexpr Form Form::low_rank{low_rank_form};

/// Every form that has a name in the options. Local.
const std::vector<Form>& all_forms();
/// "normal", "activations", "dual", "dual-split" or "low-rank".
std::string_view name_of(Form form);
/// The form of that name, or nothing.
std::optional<Form> form_from_name(std::string_view name);
/// Whether a form has A = F̂ F̂ᵀ: normal and activations.
bool has_gram(Form form);
/// Whether a form can take the curvature from a sample of the batch: those, and low_rank.
bool can_sample(Form form);
/// Whether a form has B before it solves, so that it can measure how far a step moves the neurons, as relative steps
/// need it, and average B over steps: normal.
bool has_gradient(Form form);
/// Whether a form's sums over samples can be exact: normal and activations.
bool is_reproducible(Form form);
/// Whether a form can compute the update of such a map: all but normal need its columns in memory as a whole, so one a
/// sample.
bool fits(Form form, const MapShape& map);
/// The names with commas between.
std::string to_text(const std::vector<Form>& forms);
/// The forms of such a text; nothing if it has another name. Local.
std::optional<std::vector<Form>> forms_from_text(std::string_view text);
/// The forms that `belongs` says yes to, in words: "normal, activations and dual".
std::string forms_in_words(
    const std::function<bool(Form)>& belongs = [](Form) { return true; }, std::string_view last = "and");

/// What the workspaces of an update rule must hold.
struct BatchCapacity {
  Index global_batch = 0;  ///< samples of the largest batch over all ranks
  Index local_batch = 0;   ///< and on this rank
};

/// How often A is formed and factorised anew, in the forms that have it (normal and activations). With T > 1 it is the
/// running mean Ā ← β Ā + (1 − β) A / M over the batches that A is formed of, times M. With a lag it is one for T = 1
/// too, and a batch's A takes effect in the step after it: after the burn-in no batch judges itself, but for the first.
struct GramRefresh {
  Index every = 1;                              ///< T: steps from one A to the next; 1: each batch its own
  double average = 0.95;                        ///< β, 0 ≤ β < 1
  Index burn_in = 50;                           ///< first steps, which take each batch's own A and fill the mean
  Damping damping{Damping::Kind::relative, 3};  ///< with the mean: λ of a batch that it does not know
  bool lags = false;
  Index offset = 0;  ///< after the burn-in A is formed where the steps since then leave this remainder by T

  [[nodiscard]] bool keeps_mean() const { return every > 1 || lags; }
};

/// GramRefresh::offset of the map of index `map` among so many, where they form A in different steps. Local.
constexpr Index gram_offset(std::size_t map, std::size_t maps, Index every) {
  return static_cast<Index>(map) * every / static_cast<Index>(maps);
}

/// The rank that factorises a map's A + λI, of the forms that have it, and what it sends. Where A is a running mean,
/// the owner alone keeps it up to date.
struct SystemPlace {
  std::optional<int> owner{};  ///< nothing: every rank factorises for itself
  bool owner_solves = false;  ///< it gets all of B and sends ΔŴ, in the form normal; else it sends the factor, and each
                              ///< rank solves its rows

  friend bool operator==(const SystemPlace&, const SystemPlace&) = default;
};

/// Which systems have owners.
enum class Owners {
  automatic,    ///< those where that is cheaper
  all,          ///< none: all ranks factorise all
  factorising,  ///< all, which send their factors
  solving,      ///< all, which solve in the forms that let them
};

/// "auto", "all", "factor" or "solve".
std::string_view name_of(Owners owners);

/// How far a step moves the neurons of a layer.
struct StepRule {
  enum class Kind {
    fixed,     ///< ΔŴ at η
    relative,  ///< ΔŴ scaled so that ‖ΔŴ P̂‖ = κ ‖Ŵ P̂‖ over the global batch; at η in the last layer
    spectral,  ///< the same with msgn(B L⁻ᵀ) L⁻¹ for ΔŴ, A + λI = L Lᵀ
    newton_muon,  ///< the same with msgn(B (A + λI)⁻¹)
  };
  Kind kind = Kind::fixed;
  double kappa = 0.1;  ///< κ > 0

  /// Whether it needs to know how far a step would move the neurons.
  [[nodiscard]] bool measures() const { return kind != Kind::fixed; }
  /// Whether there is a polar factor in it.
  [[nodiscard]] bool is_polar() const { return kind == Kind::spectral || kind == Kind::newton_muon; }
};

/// Momentum, V ← μ V + (1 − μ) X: of the updates, X = ΔŴ after the step rule, where V is added to the weights and steps
/// that disagree come out shorter; or of the gradients, X = B / M, where the system is solved with V in place of B and
/// the step rule sees what comes of it. Nesterov's form takes μ V + (1 − μ) X for V: where V would be after another
/// step of the same X.
struct StepMomentum {
  double mu = 0;  ///< 0 ≤ μ < 1
  bool nesterov = false;
  bool of_gradient = false;  ///< needs the form normal

  [[nodiscard]] bool averages() const { return mu > 0; }
  [[nodiscard]] bool averages_updates() const { return averages() && !of_gradient; }
  [[nodiscard]] bool averages_gradients() const { return averages() && of_gradient; }
  /// What V counts in the update.
  [[nodiscard]] double of_average() const { return nesterov ? mu : 1; }
  /// What X counts in it beside V.
  [[nodiscard]] double of_step() const { return nesterov ? 1 - mu : 0; }
};

/// How the systems of one kind of map are formed and solved.
struct SystemOptions {
  Damping damping;
  GramRefresh refresh{};  ///< a mean needs the forms normal and activations
  Index sample = 1;       ///< k: A is formed of every k-th sample of the global batch
};

/// Those of convolutions: A of every 8th sample, every 10 steps, in a running mean that decays by 0.9; ρ = 0.1.
SystemOptions default_convolution_system();

/// Everything that decides how SIBP updates the weights, beside η.
struct ProximalOptions {
  Damping damping;
  Carry carry = Carry::new_weights;
  std::vector<Form> forms;  ///< by layer; one form stands for all layers
  BatchCapacity batch;
  GramRefresh refresh{};  ///< a mean needs the forms normal and activations
  SystemOptions convolution = default_convolution_system();
  StepRule step{};  ///< others than fixed need the form normal
  StepMomentum momentum{};
  double weight_decay = 0;            ///< δ: Ŵ ← (1 − δ s) Ŵ before the update, s the schedule's share
  std::vector<SystemPlace> places{};  ///< by layer; none: no system has an owner
  bool staggers = false;              ///< the layers form A in different steps of T, at gram_offset
  Index sample = 1;                   ///< SystemOptions::sample of dense layers
  bool ranks_are_alike = true;        ///< all compute the same bits from the same numbers

  /// Those of a map's system.
  [[nodiscard]] SystemOptions system_of(const MapShape& map) const {
    return map.columns > 1 ? convolution : SystemOptions{damping, refresh, sample};
  }
  /// Whether ΔŴ is not added to Ŵ as it is, or Ŵ is still needed as it was when it has decayed.
  [[nodiscard]] bool reshapes_update() const {
    return step.measures() || momentum.averages() || (weight_decay > 0 && carry == Carry::old_weights);
  }
};

}  // namespace sibp
