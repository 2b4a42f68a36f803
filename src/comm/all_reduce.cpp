#include "sibp/comm/all_reduce.hpp"

namespace sibp {

void AllReduce::set_product(Device& device, MatrixView part, Real alpha, const ColumnSource& source) {
  multiply(device, alpha, source, part);
}

void AllReduce::set_triangle(Device& device, MatrixView packed, const ColumnSource& source, MatrixView whole) {
  form_triangle(device, source, whole);
  device.pack_triangle(whole, packed);
}

}  // namespace sibp
