#include "sibp/comm/communicator.hpp"

namespace sibp {

std::string Communicator::broadcast(std::string text, int root) const {
  auto length = static_cast<std::int64_t>(text.size());
  broadcast(std::span(&length, 1), root);
  text.resize(static_cast<std::size_t>(length));
  broadcast(std::span(text), root);
  return text;
}

void Communicator::all_reduce_sum(MatrixView matrix) const {
  const auto slot = make_slot();
  slot->start_all_reduce_sum(matrix);
  slot->wait();
}

void Communicator::broadcast(MatrixView matrix, int root) const {
  require(matrix.contiguous(), "only a matrix without gaps can be broadcast");
  backend_->broadcast_matrix(matrix, root);
}

}  // namespace sibp
