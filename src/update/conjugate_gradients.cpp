#include "update/conjugate_gradients.hpp"

#include <vector>

namespace sibp {
namespace {

using Rows = std::vector<double>;

Rows row_inner_products(Device& device, ConstMatrixView a, ConstMatrixView b) {
  Rows products(static_cast<std::size_t>(a.rows));
  device.row_inner_products(a, b, products);
  return products;
}

/// a / b row by row; 0 where a is 0: a row that is solved stays.
Rows ratios(const Rows& a, const Rows& b) {
  Rows quotients(a.size());
  for (std::size_t r = 0; r < a.size(); ++r) quotients[r] = a[r] == 0 || b[r] == 0 ? 0 : a[r] / b[r];
  return quotients;
}

Rows negated(Rows values) {
  for (double& value : values) value = -value;
  return values;
}

}  // namespace

ConjugateGradientSolve::ConjugateGradientSolve(const UpdateContext& context, const MapShape& map)
    : context_(context),
      residual_(context.device.allocate(map.outputs, map.fan_in())),
      direction_(context.device.allocate(map.outputs, map.fan_in())),
      image_(context.communicator.make_all_reduce(context.device, map.outputs, map.fan_in())),
      product_(context.device) {
}

void ConjugateGradientSolve::apply(LinearMap& map, double lambda) {
  Device& device = context_.device;
  const ColumnSource inputs = map.sampled_inputs(1);
  const auto products = [&](const ColumnSource::Visit& visit) {
    const auto multiply = [&](ConstMatrixView columns, ConstMatrixView) {
      const MatrixView product = product_.of(direction_.rows(), columns.cols);
      device.gemm(Op::none, Op::none, 1, direction_.view(), columns, 0, product);  // D P̂
      visit(product, columns);
    };
    inputs.for_each(std::ref(multiply));
  };
  image_->set_product(device, image_->view(), 1, ColumnSource{std::ref(products), inputs.per_sample});  // (D P̂) P̂ᵀ
  {
    const PhaseClock::Scope waiting(context_.clock, Phase::communication);
    image_->start();
    image_->wait();
  }
  device.axpy(static_cast<Real>(lambda), direction_.view(), image_->view());  // + λ D, once, to the reduced product
}

void ConjugateGradientSolve::solve(LinearMap& map, double lambda, Index steps, MatrixView x) {
  Device& device = context_.device;
  const PhaseClock::Scope timed(context_.clock, Phase::solve);
  const Rows ones(static_cast<std::size_t>(x.rows), 1);
  device.copy(x, residual_.view());   // R = B − 0
  device.copy(x, direction_.view());  // D = R
  device.fill(x, 0);
  Rows size = row_inner_products(device, residual_.view(), residual_.view());
  for (Index step = 0; step < steps; ++step) {
    apply(map, lambda);  // Q = D (A + λI)
    const Rows alpha = ratios(size, row_inner_products(device, direction_.view(), image_->view()));
    device.combine_rows(alpha, direction_.view(), ones, x);                       // X ← X + α D
    device.combine_rows(negated(alpha), image_->view(), ones, residual_.view());  // R ← R − α Q
    Rows next = row_inner_products(device, residual_.view(), residual_.view());
    device.combine_rows(ones, residual_.view(), ratios(next, size), direction_.view());  // D ← R + β D
    size = std::move(next);
  }
}

}  // namespace sibp
