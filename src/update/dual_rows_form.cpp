// The proximal solve in the space of samples (see dual_form.cpp) with its work divided by the number of ranks. Rank p
// computes its columns of K = F̂ᵀ F̂, which all gather, and its rows of C = R (K + λI)⁻¹ and of Ŵ + C F̂ᵀ. All gather the
// rows, so replicas are equal by construction. Over a network they do so behind the rest of the backward pass: the
// difference goes on without them.
#include "update/proximal_form.hpp"
#include "update/shares.hpp"

#include <numeric>

namespace sibp {
namespace {

class DualRowsForm final : public ProximalForm {
 public:
  DualRowsForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options)
      : ProximalForm(context, options),
        damping_(options.damping),
        fan_in_(layer.fan_in()),
        row_shares_(even_shares(layer.outputs, communicator().size())),
        kernel_shares_(row_shares_.size()),
        kernel_(device().allocate(options.batch.global_batch, options.batch.global_batch)),
        thin_(device().allocate(options.batch.global_batch, options.batch.local_batch)),
        coefficients_(device().allocate(own_rows().count, options.batch.global_batch)),
        features_(gatherable(fan_in_ * options.batch.global_batch)),
        masked_(gatherable(layer.outputs * options.batch.global_batch)),
        gathered_kernel_(gatherable(kernel_.size())),
        rows_(gatherable(layer.outputs * fan_in_)) {}

  void features_ready(ConstMatrixView features, const DealtSamples& samples) override {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    samples_ = samples;
    has_kernel_ = false;
    start_gather(*features_, features, samples.per_rank);
  }

  void features_passed() override { start_kernel(); }

  ProximalStep backward(const LayerBackward& layer) override {
    {
      const PhaseClock::Scope timed(clock(), Phase::solve);
      start_gather(*masked_, layer.masked, samples_.per_rank);
    }
    start_kernel();
    const bool waits_for_rows = carries_new() && rows_->in_shared_memory();
    if (!waits_for_rows) carry_difference(layer);  // by the old weights, while S travels
    const ProximalStep result = factorise_kernel();
    const Real factor = result.failed_minor == 0 ? static_cast<Real>(-layer.eta) : Real(0);
    update_rows(layer, factor);
    if (waits_for_rows) {
      finish(layer.weights);
      carry_difference(layer);
    } else if (carries_new()) {
      carry_update(layer, factor);
    }
    features_->release();
    masked_->release();
    return result;
  }

  void finish(MatrixView weights) override {
    if (!rows_->under_way()) return;
    wait(*rows_);
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const Real* first = rows_->all().data;
    for (const Share& share : row_shares_) {
      const ConstMatrixView rows{first, share.count, fan_in_, std::max<Index>(share.count, 1)};
      if (&share != &own_rows()) device().copy(rows, rows_of(weights, share));
      first += rows.size();
    }
    rows_->release();
  }

 private:
  [[nodiscard]] const Share& own_rows() const { return row_shares_[static_cast<std::size_t>(communicator().rank())]; }
  [[nodiscard]] MatrixView rows_of(MatrixView weights, const Share& share) const {
    return weights.block(share.first, 0, share.count, fan_in_);
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

  /// This rank's rows of Ŵ ← Ŵ + factor S (K + λI)⁻¹ F̂ᵀ, in place, and the start of their gathering.
  void update_rows(const LayerBackward& layer, Real factor) {
    const PhaseClock::Scope timed(clock(), Phase::solve);
    const Share& mine = own_rows();
    wait(*masked_);
    const MatrixView rows = rows_of(layer.weights, mine);
    if (factor != Real(0)) {
      const MatrixView c = coefficients_.view().left_cols(samples_.total);
      device().copy(masked_->all().block(mine.first, 0, mine.count, samples_.total), c);
      device().solve_right(kernel(), c);  // this rank's rows of S (K + λI)⁻¹
      device().gemm(Op::none, Op::transpose, factor, c, features_->all(), 1, rows);
    }
    row_elements_.clear();
    for (const Share& share : row_shares_) row_elements_.push_back(share.count * fan_in_);
    rows_->begin(1, row_elements_);
    device().copy(rows, {rows_->own().data, mine.count, fan_in_, std::max<Index>(mine.count, 1)});
    rows_->start();
  }

  /// Adds to D_{i−1} what the update changes in it: by W_new = W + factor S (K + λI)⁻¹ Fᵀ,
  /// W_newᵀ S_p = Wᵀ S_p + factor F (K + λI)⁻¹ Sᵀ S_p, thin products with what has been gathered.
  void carry_update(const LayerBackward& layer, Real factor) {
    if (layer.carried.rows == 0 || factor == Real(0)) return;
    const PhaseClock::Scope timed(clock(), Phase::backward);
    const MatrixView thin = thin_.reshaped(samples_.total, layer.masked.cols);
    device().gemm(Op::transpose, Op::none, 1, masked_->all(), layer.masked, 0, thin);  // Sᵀ S_p   (M × M_p)
    device().solve_left(kernel(), thin);
    device().gemm(Op::none, Op::none, factor, features_->all().top_rows(layer.spec.inputs), thin, 1, layer.carried);
  }

  Damping damping_;
  Index fan_in_;
  std::vector<Share> row_shares_;                      ///< of Ŵ's rows, by rank
  std::vector<Index> row_elements_;                    ///< of Ŵ, in a rank's rows
  std::vector<Index> kernel_shares_;                   ///< columns of K, by rank
  Matrix kernel_;                                      ///< K, then its Cholesky factor: M × M, lower triangle
  Matrix thin_;                                        ///< M × M_p
  Matrix coefficients_;                                ///< this rank's rows of S (K + λI)⁻¹, own rows × M
  std::unique_ptr<GatherableMatrix> features_;         ///< F̂ of all ranks, fan_in × M
  std::unique_ptr<GatherableMatrix> masked_;           ///< S of all ranks, outputs × M
  std::unique_ptr<GatherableMatrix> gathered_kernel_;  ///< K, M × M
  std::unique_ptr<GatherableMatrix> rows_;             ///< Ŵ by blocks of rows, outputs · fan_in elements
  DealtSamples samples_;
  bool has_kernel_ = false;  ///< of this step, or under way
};

}  // namespace

std::unique_ptr<ProximalForm> make_dual_rows_form(const UpdateContext& context, const LayerSpec& layer,
                                                  const ProximalOptions& options) {
  return std::make_unique<DualRowsForm>(context, layer, options);
}

}  // namespace sibp
