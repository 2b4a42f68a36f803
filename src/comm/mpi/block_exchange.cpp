#include "comm/mpi/block_exchange.hpp"

#include "comm/mpi/calls.hpp"

namespace sibp {
namespace {

constexpr int tag = 1;

}  // namespace

template <class Element>
BlockExchange<Element>::BlockExchange(int rank, int ranks) : rank_(rank), ranks_(ranks), received_(ranks) {
  requests_.reserve(2 * static_cast<std::size_t>(ranks));
}

template <class Element>
void BlockExchange<Element>::start_scatter(std::span<const Element> sent, const ColumnBlocks& blocks, MPI_Comm ranks) {
  const int mine = blocks.counts[static_cast<std::size_t>(rank_)];
  Index total = 0;
  for (int q = 0; q < ranks_; ++q) {
    const auto place = static_cast<std::size_t>(q);
    received_.counts[place] = q == rank_ ? 0 : mine;
    received_.offsets[place] = checked_int(total);
    total += received_.counts[place];
  }
  elements_.resize(static_cast<std::size_t>(total));
  start([&](int q) { return blocks.block(sent, q); }, [&](int q) { return received_.block(std::span(elements_), q); },
        ranks);
}

template <class Element>
void BlockExchange<Element>::start_gather(std::span<Element> all, const ColumnBlocks& blocks, MPI_Comm ranks) {
  start([&](int) { return blocks.block(all, rank_); }, [&](int q) { return blocks.block(all, q); }, ranks);
}

/// Sends come first: with receives before them, Open MPI over TCP uses a link in one direction at a time. Rank r begins
/// with rank r + 1, so that no rank is everybody's first.
template <class Element>
template <class SentTo, class ReceivedFrom>
void BlockExchange<Element>::start(const SentTo& sent_to, const ReceivedFrom& received_from, MPI_Comm ranks) {
  for (int k = 1; k < ranks_; ++k) {
    const int q = (rank_ + k) % ranks_;
    const auto block = sent_to(q);
    if (block.empty()) continue;
    check(MPI_Isend(block.data(), checked_int(std::ssize(block)), mpi_element<Element>(), q, tag, ranks,
                    &requests_.emplace_back()),
          "MPI_Isend");
  }
  for (int k = 1; k < ranks_; ++k) {
    const int q = (rank_ - k + ranks_) % ranks_;
    const auto block = received_from(q);
    if (block.empty()) continue;
    check(MPI_Irecv(block.data(), checked_int(std::ssize(block)), mpi_element<Element>(), q, tag, ranks,
                    &requests_.emplace_back()),
          "MPI_Irecv");
  }
}

template <class Element>
bool BlockExchange<Element>::test() {
  int over = 0;
  check(MPI_Testall(checked_int(std::ssize(requests_)), requests_.data(), &over, MPI_STATUSES_IGNORE), "MPI_Testall");
  if (over != 0) requests_.clear();
  return over != 0;
}

template <class Element>
void BlockExchange<Element>::wait() {
  check(MPI_Waitall(checked_int(std::ssize(requests_)), requests_.data(), MPI_STATUSES_IGNORE), "MPI_Waitall");
  requests_.clear();
}

template class BlockExchange<Real>;
template class BlockExchange<Bfloat16>;

}  // namespace sibp
