#include "sibp/comm/column_source.hpp"

#include "sibp/device/device.hpp"

namespace sibp {

void multiply(Device& device, Real alpha, const ColumnSource& source, MatrixView part) {
  if (source.product && alpha != Real(0)) {
    source.product(alpha, part);
    return;
  }
  Real beta = 0;  // the first block overwrites
  const auto add = [&](ConstMatrixView x, ConstMatrixView y) {
    device.gemm(Op::none, Op::transpose, alpha, x, y, beta, part);
    beta = 1;
  };
  if (alpha != Real(0)) source.for_each(std::ref(add));
  if (beta == Real(0)) device.fill(part, 0);
}

void form_triangle(Device& device, const ColumnSource& source, MatrixView a) {
  Real beta = 0;
  const auto add = [&](ConstMatrixView x, ConstMatrixView) {
    device.syrk(Op::none, 1, x, beta, a);
    beta = 1;
  };
  source.for_each(std::ref(add));
  if (beta == Real(0)) device.fill(a, 0);
}

}  // namespace sibp
