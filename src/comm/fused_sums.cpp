#include "sibp/comm/fused_sums.hpp"

#include <algorithm>

namespace sibp {

FusedSums::FusedSums(Device& device, const Communicator& communicator, std::span<const Shape> shapes, Index least,
                     Root root)
    : device_(device) {
  Index elements = 0;  // of the message that is being put together
  for (std::size_t k = 0; k < shapes.size(); ++k) {
    places_.push_back({messages_.size(), elements, shapes[k], false});
    elements += shapes[k].rows * shapes[k].cols;
    if (elements < least && k + 1 < shapes.size()) continue;
    places_.back().is_last = true;
    messages_.push_back(communicator.make_all_reduce(device, elements, 1, root));
    elements = 0;
  }
}

MatrixView FusedSums::view(std::size_t k) {
  const Place& place = places_.at(k);
  const MatrixView message = messages_[place.message]->view();
  return {message.data + place.first, place.shape.rows, place.shape.cols, std::max<Index>(place.shape.rows, 1)};
}

void FusedSums::set_product(std::size_t k, Real alpha, const ColumnSource& source) {
  messages_[places_.at(k).message]->set_product(device_, view(k), alpha, source);
}

void FusedSums::set_triangle(std::size_t k, const ColumnSource& source, MatrixView whole) {
  messages_[places_.at(k).message]->set_triangle(device_, view(k), source, whole);
}

void FusedSums::ready(std::size_t k) {
  const Place& place = places_.at(k);
  if (place.is_last) messages_[place.message]->start();
}

void FusedSums::wait(std::size_t k) {
  messages_[places_.at(k).message]->wait();
}

bool FusedSums::under_way(std::size_t k) const {
  return messages_[places_.at(k).message]->under_way();
}

}  // namespace sibp
