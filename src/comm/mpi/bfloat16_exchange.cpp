#include "comm/mpi/bfloat16_exchange.hpp"

#include "comm/mpi/check.hpp"

namespace sibp {

Bfloat16Exchange::Bfloat16Exchange(int rank, int ranks) : rank_(rank), sent_(ranks), received_(ranks) {
}

void Bfloat16Exchange::start(std::span<const Bfloat16> rounded, const ColumnBlocks& blocks, MPI_Comm ranks) {
  const auto own = static_cast<std::size_t>(rank_);
  const int mine = blocks.counts[own];
  sent_ = blocks;
  sent_.counts[own] = 0;
  Index total = 0;
  for (std::size_t q = 0; q < blocks.counts.size(); ++q) {
    received_.counts[q] = q == own ? 0 : mine;
    received_.offsets[q] = checked_int(total);
    total += received_.counts[q];
  }
  blocks_.resize(static_cast<std::size_t>(total));
  check(MPI_Ialltoallv(rounded.data(), sent_.counts.data(), sent_.offsets.data(), MPI_UINT16_T, blocks_.data(),
                       received_.counts.data(), received_.offsets.data(), MPI_UINT16_T, ranks, &request_),
        "MPI_Ialltoallv");
}

bool Bfloat16Exchange::test() {
  int over = 0;
  check(MPI_Test(&request_, &over, MPI_STATUS_IGNORE), "MPI_Test");
  return over != 0;
}

void Bfloat16Exchange::wait() {
  check(MPI_Wait(&request_, MPI_STATUS_IGNORE), "MPI_Wait");
}

void Bfloat16Exchange::add_to(std::span<Real> mine) const {
  const std::span<const Bfloat16> blocks = blocks_;
  for (int q = 0; q < static_cast<int>(received_.counts.size()); ++q)
    add_bfloat16(received_.block(blocks, q), mine.data());
}

}  // namespace sibp
