// The proximal solve in the space of samples (see dual_form.cpp) with its work split over the ranks. Rank p computes
// its columns of K = F̂ᵀ F̂, which all gather, and its block of Ŵ + R (K + λI)⁻¹ F̂ᵀ: rows, or columns where the layer has
// more outputs than inputs, so that the inverse is applied to the side that is shorter. All gather the blocks, so
// replicas are equal by construction. Over a network they do so behind the rest of the backward pass: the difference
// goes on without them.
#include "update/form_traits.hpp"
#include "update/shares.hpp"

#include <numeric>

namespace sibp {
namespace {

class DualSplitForm final : public ProximalForm {
 public:
  DualSplitForm(const UpdateContext& context, const MapShape& map, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        splits_columns_(map.fan_in() < map.outputs),
        fan_in_(map.fan_in()),
        outputs_(map.outputs),
        shares_(even_shares(std::min(fan_in_, outputs_), communicator().size())),
        kernel_shares_(shares_.size()),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        thin_(device().allocate(options.batch.global_batch, options.batch.local_batch)),
        solved_(device().allocate(own_share().count, options.batch.global_batch)),
        features_(all_gather(fan_in_ * options.batch.global_batch)),
        delta_(all_gather(map.outputs * options.batch.global_batch)),
        gathered_kernel_(all_gather(kernel_.size())),
        blocks_(all_gather(map.outputs * fan_in_)) {}

  void features_ready(LinearMap& map, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples;
    has_kernel_ = false;
    start_gather(*features_, whole_matrices(map).whole_inputs(), samples.per_rank);
  }

  void features_passed() override { start_kernel(); }

  ProximalStep backward(const FormStep& step) override {
    {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      start_gather(*delta_, step.map.delta(), samples_.per_rank);
    }
    start_kernel();
    const bool waits_for_blocks = carries_new() && blocks_->in_shared_memory();
    if (!waits_for_blocks) carry_difference(step);  // by the old weights, while S travels
    const ProximalStep result = factorise_kernel();
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-step.eta) : Real(0);
    update_block(step, factor);
    if (waits_for_blocks) {
      finish(step.target);
      carry_difference(step);
    } else if (carries_new()) {
      carry_update(step, factor);
    }
    features_->release();
    delta_->release();
    return result;
  }

  void finish(MatrixView target) override {
    if (!blocks_->under_way()) return;
    wait(*blocks_);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const Real* first = blocks_->all().data;
    const bool has_own = blocks_->in_shared_memory();  // over a network it may be rounded, for all ranks alike
    for (const Share& share : shares_) {
      const MatrixView block = block_of(target, share);
      const bool is_there = has_own && &share == &own_share();
      if (!is_there) device().copy({first, block.rows, block.cols, std::max<Index>(block.rows, 1)}, block);
      first += block.size();
    }
    blocks_->release();
  }

 private:
  [[nodiscard]] const Share& own_share() const { return shares_[static_cast<std::size_t>(communicator().rank())]; }
  [[nodiscard]] MatrixView block_of(MatrixView weights, const Share& share) const {
    return splits_columns_ ? weights.block(0, share.first, outputs_, share.count)
                           : weights.block(share.first, 0, share.count, fan_in_);
  }
  [[nodiscard]] MatrixView kernel() { return kernel_.reshaped(samples_.total, samples_.total); }

  /// This rank's columns of K, from the diagonal down, and the start of their gathering.
  void start_kernel() {
    if (has_kernel_) return;
    has_kernel_ = true;
    const PhaseClock::Scope timed(clock(), Phase::solve);
    wait(*features_);
    const ConstMatrixView f = features_->all();
    const Share mine = share_of_triangle(samples_.total, communicator().rank(), kernel_shares_);
    const Index below = samples_.total - mine.end();
    const ConstMatrixView own = f.block(0, mine.first, f.rows, mine.count);
    gathered_kernel_->begin(samples_.total, kernel_shares_);
    const MatrixView columns = gathered_kernel_->own();
    device().syrk(Op::transpose, 1, own, 0, columns.block(mine.first, 0, mine.count, mine.count));
    device().gemm(Op::transpose, Op::none, 1, f.block(0, mine.end(), f.rows, below), own, 0,
                  columns.block(mine.end(), 0, below, mine.count));
    gathered_kernel_->start();
  }

  ProximalStep factorise_kernel() {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    wait(*gathered_kernel_);
    device().copy(gathered_kernel_->all(), kernel());
    gathered_kernel_->release();
    return factorise(device(), kernel(), damping_, fan_in_);  // K + λI = L Lᵀ
  }

  /// This rank's block of Ŵ ← Ŵ + factor S (K + λI)⁻¹ F̂ᵀ, in place, and the start of the blocks' gathering.
  void update_block(const FormStep& step, Real factor) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const Share& mine = own_share();
    const MatrixView block = block_of(step.target, mine);
    wait(*delta_);
    if (factor != Real(0)) {
      const ConstMatrixView s = delta_->all();
      const ConstMatrixView f = features_->all();
      const MatrixView solved = solved_.view().left_cols(samples_.total);
      device().copy((splits_columns_ ? f : s).block(mine.first, 0, mine.count, samples_.total), solved);
      device().solve_right(kernel(), solved);  // this rank's rows of F̂ (K + λI)⁻¹ or S (K + λI)⁻¹
      device().gemm(Op::none, Op::transpose, factor, splits_columns_ ? s : solved, splits_columns_ ? solved : f, 1,
                    block);
    }
    elements_.clear();
    for (const Share& share : shares_) elements_.push_back(share.count * std::max(fan_in_, outputs_));
    blocks_->begin(1, elements_);
    device().copy(block, {blocks_->own().data, block.rows, block.cols, std::max<Index>(block.rows, 1)});
    blocks_->start();
  }

  /// Adds to D_{i−1} what the update changes in it: by W_new = W + factor S (K + λI)⁻¹ Fᵀ,
  /// W_newᵀ S_p = Wᵀ S_p + factor F (K + λI)⁻¹ Sᵀ S_p, thin products with what has been gathered.
  void carry_update(const FormStep& step, Real factor) {
    if (!step.carries || !step.map.carries() || factor == Real(0)) return;
    const PhaseClock::Scope timed(clock(), Phase::backward);
    const ConstMatrixView own = step.map.delta();
    const MatrixView thin = thin_.reshaped(samples_.total, own.cols);
    device().gemm(Op::transpose, Op::none, 1, delta_->all(), own, 0, thin);  // Sᵀ S_p   (M × M_p)
    device().solve_left(kernel(), thin);
    device().gemm(Op::none, Op::none, factor, features_->all().top_rows(step.map.shape().inputs), thin, 1,
                  whole_matrices(step.map).carried());
  }

  Damping damping_;
  bool splits_columns_;
  Index fan_in_;
  Index outputs_;
  std::vector<Share> shares_;                   ///< of Ŵ's rows or columns, by rank
  std::vector<Index> elements_;                 ///< of Ŵ, in a rank's block
  std::vector<Index> kernel_shares_;            ///< columns of K, by rank
  Matrix kernel_;                               ///< K, then its Cholesky factor: M × M, lower triangle
  Matrix thin_;                                 ///< M × M_p
  Matrix solved_;                               ///< own rows of S or F̂, then times (K + λI)⁻¹, × M
  std::unique_ptr<AllGather> features_;         ///< F̂ of all ranks, fan_in × M
  std::unique_ptr<AllGather> delta_;            ///< S of all ranks, outputs × M
  std::unique_ptr<AllGather> gathered_kernel_;  ///< K, M × M
  std::unique_ptr<AllGather> blocks_;           ///< Ŵ by blocks, outputs · fan_in elements
  DealtSamples samples_;
  bool has_kernel_ = false;  ///< of this step, or under way
};

// On one rank there is nothing to split: it is the form dual.

std::unique_ptr<ProximalForm> make(const FormPlace& place) {
  if (place.context.communicator.size() == 1) return dual_form.make(place);
  return std::make_unique<DualSplitForm>(place.context, place.map, place.options);
}

/// The update's work divided by the number of ranks.
void add_cost(Tally& tally, const LayerInStep& layer) {
  if (layer.step.ranks == 1) return dual_form.add_cost(tally, layer);
  const Sizes s(layer);
  const double own = std::ceil(std::min(s.n, s.o) / layer.step.ranks);  // rows or columns of Ŵ
  const double length = std::max(s.n, s.o);
  tally.touch(2 * (s.n + s.o) * s.local);
  tally.gather(s.n * s.batch);
  tally.gather(s.o * s.batch);
  tally.gemm(s.batch, s.batch / 2, s.n / layer.step.ranks);  // a share of the triangle of K
  tally.gather(s.batch * s.batch);
  tally.touch(2 * s.batch * s.batch + 2 * own * (s.batch + length));
  tally.cholesky(s.batch);
  tally.solve(s.batch, own);
  tally.gemm(own, length, s.batch);
  tally.gather(s.n * s.o);
  tally.touch(2 * (s.n * s.o - own * length));
  if (layer.is_first || layer.step.carry == Carry::old_weights || tally.rates().shares_memory) return;
  tally.gemm(s.batch, s.local, s.o);
  tally.solve(s.batch, s.local);
  tally.gemm(s.inputs, s.local, s.batch);
}

double elements(const LayerInStep& layer) {
  if (layer.step.ranks == 1) return dual_form.elements(layer);
  const Sizes s(layer);
  const double own = std::ceil(std::min(s.n, s.o) / layer.step.ranks);
  return 2 * s.batch * s.batch + (s.local + own + s.n + s.o) * s.batch + s.n * s.o;
}

}  // namespace

const FormTraits dual_split_form{
    .name = "dual-split", .make = make, .add_cost = add_cost, .elements = elements, .needs_several_ranks = true};

}  // namespace sibp
