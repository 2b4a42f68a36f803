// The proximal solve by its normal equations, ΔŴ (A + λI) = B with A = F̂ F̂ᵀ and B = R F̂ᵀ. A and B are summed over
// ranks; every rank factors A + λI, solves its share of the rows of ΔŴ, and all gather them: the traffic of reducing B,
// the solve divided by P, and replicas that are equal by construction. Steps with a polar factor are the exception:
// every rank takes it of all rows for itself, or one for all where the ranks' arithmetic differs. Where the system has
// an owner that solves, all rows are its share.
#include "sibp/device/scratch.hpp"

#include "update/form_traits.hpp"
#include "update/polar_step.hpp"
#include "update/shares.hpp"

#include <array>
#include <numeric>
#include <optional>

namespace sibp {
namespace {

class NormalForm final : public ProximalForm {
 public:
  /// `shares` of ΔŴ's rows, by the rank that solves them.
  NormalForm(const UpdateContext& context, const MapShape& map, const ProximalOptions& options, GramSystem gram,
             const std::vector<Share>& shares)
      : ProximalForm(context, options),
        gram_(std::move(gram)),
        step_(device().allocate(map.fan_in(), distributed() ? 0 : map.outputs)),
        sum_(communicator().make_reduce_scatter(device(), map.fan_in(), distributed() ? map.outputs : 0)),
        gathered_(all_gather(map.fan_in() * map.outputs)),
        shares_(shares),
        momentum_(options.momentum),
        ranks_are_alike_(options.ranks_are_alike),
        velocity_(device().allocate(momentum_.averages_gradients() ? map.fan_in() : 0, map.outputs)),
        left_(device()),
        right_(device()),
        size_(device().allocate(options.step.measures() ? 1 : 0, 1)) {
    if (options.step.is_polar()) polar_.emplace(device(), options.step.kind, map);
    for (const Share& share : shares_) rows_.push_back(share.count);
    const Share& mine = shares_[static_cast<std::size_t>(communicator().rank())];
    if (size_.size() == 0) return;
    for (Scratch* scratch : {&left_, &right_}) scratch->of(mine.count, map.fan_in());  // so that no step allocates
  }

  void features_ready(LinearMap& map, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples.total;
    gram_.start(map, samples_);
  }

  void forward_done() override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    gram_.prepare();
  }

  ProximalStep backward(const FormStep& step) override {
    {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      // Bᵀ = P̂ Rᵀ = −η P̂ Sᵀ   (fan_in × outputs: a rank's rows of B lie side by side)
      const auto factor = static_cast<Real>(-step.eta * gram_.scale());
      if (distributed()) {
        sum_->set_product(device(), factor, step.map.inputs_and_delta());
        gathered_->begin(step_.rows(), rows_);
        sum_->start(rows_, gathered_->own());
      } else {
        multiply(device(), factor, step.map.inputs_and_delta(), step_.view());
      }
    }
    if (!carries_new()) carry_difference(step);
    const ProximalStep result = solve(step);
    if (carries_new()) {
      complete(step.target);
      carry_difference(step);
    }
    return result;
  }

  void finish(MatrixView target) override { complete(target); }
  void gather_state() override {
    gram_.gather_state();
    if (velocity_.size() == 0 || !distributed()) return;
    gathered_->begin(velocity_.rows(), rows_);
    device().copy(own_velocity(), gathered_->own());
    gathered_->start();
    wait(*gathered_);
    device().copy(gathered_->all(), velocity_.view());
    gathered_->release();
  }
  void add_state(UpdateState& state, const std::string& prefix) override {
    gram_.add_state(state, prefix);
    if (size_.size() > 0) state.matrices.emplace(prefix + ".size", size_.view());
    if (velocity_.size() > 0) state.matrices.emplace(prefix + ".velocity", velocity_.view());
  }

 private:
  /// This rank's rows of ΔŴ, as columns of its transpose.
  MatrixView own() { return distributed() ? gathered_->own() : step_.view(); }

  ProximalStep solve(const FormStep& step) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    ProximalStep result = gram_.factorise();  // A + λI = L Lᵀ
    wait(*sum_);
    if (velocity_.size() > 0) average_gradient();
    const bool is_definite = result.failed_minor == 0;
    takes_polar_ = polar_ && is_definite;
    if (!is_definite) {
      device().fill(own(), 0);
    } else if (polar_) {
      polar_->solve(gram_.factor(), own());
    } else {
      if (step.measures) transpose(own(), right_);
      device().solve_left(gram_.factor(), own());  // ΔŴᵀ = (A + λI)⁻¹ Bᵀ
    }
    if (distributed()) gathered_->start();
    pending_ = true;
    if (takes_polar_) take_polar(step.map.index());
    if (is_definite && step.measures) measure(step.map.weights(), result);
    return result;
  }

  /// Every rank the whole polar factor, or, where their bits would differ, one for all.
  void take_polar(std::size_t map) {
    const ConstMatrixView x = solved();
    const bool one_for_all = distributed() && !ranks_are_alike_;
    const int root = static_cast<int>(map) % communicator().size();
    if (!one_for_all || communicator().rank() == root) polar_->take(x, gram_.factor());
    if (one_for_all) communicator().broadcast(polar_->step(), root);
  }

  MatrixView own_velocity() {
    const Share& mine = shares_[static_cast<std::size_t>(communicator().rank())];
    return velocity_.view().block(0, mine.first, velocity_.rows(), mine.count);
  }

  /// V ← μ V + (1 − μ) B / M, and V for B / M: this rank's rows.
  void average_gradient() {
    const MatrixView velocity = own_velocity();
    const double per_sample = 1 / (gram_.scale() * static_cast<double>(samples_));
    device().scale(static_cast<Real>(momentum_.mu), velocity);
    device().axpy(static_cast<Real>((1 - momentum_.mu) * per_sample), own(), velocity);
    device().scale(static_cast<Real>(momentum_.of_step()), own());
    device().axpy(static_cast<Real>(momentum_.of_average() / per_sample), velocity, own());
  }

  /// What the ranks have solved, of all rows, transposed.
  ConstMatrixView solved() {
    if (!distributed()) return step_.view();
    wait(*gathered_);
    return gathered_->all();
  }

  /// ‖ΔŴ P̂‖² and, for every new A, as it changes slowly, ‖Ŵ P̂‖²; each rank of its rows. All ranks add up the same
  /// numbers in the same order, so that they get the same bits, whoever had which rows.
  void measure(ConstMatrixView weights, ProximalStep& result) {
    const Share& mine = shares_[static_cast<std::size_t>(communicator().rank())];
    const auto all_rows = static_cast<std::size_t>(weights.rows);
    row_values_.assign((gram_.is_new() ? 2 : 1) * all_rows, 0.0);
    const auto of_rows = [&](std::size_t block) {
      return std::span(row_values_)
          .subspan(block * all_rows + static_cast<std::size_t>(mine.first), static_cast<std::size_t>(mine.count));
    };
    if (polar_) {
      const ConstMatrixView step = polar_->step();
      add_moves(transpose(step.block(0, mine.first, step.rows, mine.count), right_), of_rows(0));
    } else {  // of the solved step it is ⟨ΔŴ, B⟩ − λ ‖ΔŴ‖²
      const ConstMatrixView rows = transpose(own(), left_);
      add_row_products(rows, right_.of(rows.rows, rows.cols), 1, of_rows(0));
      add_row_products(rows, rows, -gram_.added(), of_rows(0));
    }
    if (gram_.is_new()) add_moves(weights.block(mine.first, 0, mine.count, weights.cols), of_rows(1));
    if (communicator().size() > 1) communicator().all_reduce_sum(std::span<double>(row_values_));  // others' rows are 0
    const auto sum = [&](std::size_t block) {
      const double* first = row_values_.data() + block * all_rows;
      return std::accumulate(first, first + all_rows, 0.0);
    };
    result.move = sum(0);
    result.size = size_of_outputs(gram_.is_new() ? std::optional(sum(1)) : std::nullopt);
  }

  /// Adds ‖v P̂‖² = ‖v L‖² − λ ‖v‖² of each row v.
  void add_moves(ConstMatrixView rows, std::span<double> sums) {
    const MatrixView product = left_.of(rows.rows, rows.cols);
    device().gemm(Op::none, Op::none, 1, rows, gram_.factor(), 0, product);
    add_row_products(product, product, 1, sums);
    add_row_products(rows, rows, -gram_.added(), sums);
  }

  /// ‖Ŵ P̂‖² as it was when A was formed last, after it has been set if it is given: a part of the state.
  double size_of_outputs(std::optional<double> now) {
    std::array<Real, 1> size{static_cast<Real>(now.value_or(0))};
    if (now) {
      device().upload(size, size_.view());
    } else {
      device().download(size_.view(), size);
    }
    return static_cast<double>(size.front());
  }

  /// Rows of B or ΔŴ, from their transpose.
  ConstMatrixView transpose(ConstMatrixView columns, Scratch& to) {
    const MatrixView rows = to.of(columns.cols, columns.rows);
    device().fill(rows, 0);
    device().add_transposed(1, columns, rows);
    return rows;
  }

  /// sums[r] += factor ⟨a_r, b_r⟩ for the rows of two matrices.
  void add_row_products(ConstMatrixView a, ConstMatrixView b, double factor, std::span<double> sums) {
    row_products_.resize(sums.size());
    device().row_inner_products(a, b, row_products_);
    for (std::size_t r = 0; r < sums.size(); ++r) sums[r] += factor * row_products_[r];
  }

  /// Ŵ ← Ŵ + ΔŴ, once.
  void complete(MatrixView weights) {
    if (!pending_) return;
    pending_ = false;
    const ConstMatrixView all = solved();
    const ConstMatrixView step = takes_polar_ ? ConstMatrixView(polar_->step()) : all;
    const PhaseClock::Scope timed(clock(), Phase::solve);
    device().add_transposed(1, step, weights);
    if (distributed()) gathered_->release();
  }

  GramSystem gram_;
  Matrix step_;  ///< Bᵀ, then ΔŴᵀ on one rank alone, fan_in × outputs; else without columns
  std::unique_ptr<ReduceScatter> sum_;   ///< Bᵀ, of which each rank gets its columns
  std::unique_ptr<AllGather> gathered_;  ///< Bᵀ, then ΔŴᵀ, by ranks: fan_in × outputs; null on one alone
  std::vector<Share> shares_;            ///< of ΔŴ's rows, by the rank that solves them
  std::vector<Index> rows_;              ///< how many these are
  StepMomentum momentum_;
  bool ranks_are_alike_;
  Matrix velocity_;    ///< Vᵀ, fan_in × outputs, of which this rank's columns are kept; without elements otherwise
  Index samples_ = 0;  ///< M
  std::optional<PolarStep> polar_;  ///< where there is a polar factor in steps
  Scratch left_;                    ///< own rows of the solved ΔŴ, then of ΔŴ L and Ŵ L
  Scratch right_;                   ///< own rows of B, or of a ΔŴ with a polar factor
  Matrix size_;                     ///< ‖Ŵ P̂‖² when A was formed last: 1 × 1, where steps are relative
  std::vector<double> row_values_;  ///< by row of ΔŴ: what measure() adds up over ranks
  std::vector<double> row_products_;
  bool pending_ = false;
  bool takes_polar_ = false;  ///< ΔŴ of this step is polar_'s
};

std::unique_ptr<ProximalForm> make(const FormPlace& place) {
  const int ranks = place.context.communicator.size();
  std::vector<Share> shares = even_shares(place.map.outputs, ranks);
  if (place.gram.owner.owner_solves) {
    require(!place.options.step.is_polar(), "every rank needs the factor where steps have a polar factor");
    const int owner = place.gram.owner.owner.value();
    for (int q = 0; q < ranks; ++q)
      shares[static_cast<std::size_t>(q)] = {q > owner ? place.map.outputs : 0, q == owner ? place.map.outputs : 0};
  }
  return std::make_unique<NormalForm>(place.context, place.map, place.options, place.gram_system(), shares);
}

void add_cost(Tally& tally, const LayerInStep& layer) {
  const Sizes s(layer);
  add_gram_cost(tally, layer);
  tally.gemm(s.n, s.o, s.local);
  if (layer.layer.columns > 1) tally.touch(2 * s.n * s.local);  // patches unfolded
  if (layer.place.owner_solves) {
    Tally solve = tally.fresh();
    solve.solve(s.n, s.o);
    tally.reduce(s.n * s.o);
    tally.add_owned(solve, layer.step.carry == Carry::new_weights);
    tally.broadcast(s.n * s.o);
  } else {
    tally.reduce_scatter(s.n * s.o);
    tally.solve(s.n, std::ceil(s.o / layer.step.ranks));
    tally.gather(s.n * s.o);
  }
  tally.touch(3 * s.n * s.o);
}

double elements(const LayerInStep& layer) {
  const Sizes s(layer);
  return gram_elements(layer.layer.fan_in(), layer) + s.n * s.o * (layer.step.ranks > 1 ? 2 : 1);
}

}  // namespace

const FormTraits normal_form{.name = "normal",
                             .make = make,
                             .add_cost = add_cost,
                             .elements = elements,
                             .has_gram = true,
                             .can_sample = true,
                             .fits_convolutions = true,
                             .has_gradient = true,
                             .lets_owner_solve = true,
                             .is_reproducible = true};

}  // namespace sibp
