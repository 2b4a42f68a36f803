#include "sibp/comm/agreement.hpp"

#include <new>

#include <fmt/format.h>

namespace sibp {

Failure current_failure() {
  try {
    throw;
  } catch (const Error& error) {
    return {error.status(), error.what()};
  } catch (const std::bad_alloc&) {
    return {ExitStatus::runtime, "out of memory; use more ranks, a smaller `batch` or a smaller network"};
  } catch (const std::exception& error) {
    return {ExitStatus::runtime, error.what()};
  }
}

void agree_on(const Communicator& communicator, const std::optional<Failure>& failure) {
  const int rank = communicator.rank();
  const int ranks = communicator.size();
  const int first = communicator.min(failure ? rank : ranks);
  if (first == ranks) return;
  const bool everywhere = communicator.all_agree(failure.has_value());
  auto status = static_cast<std::int32_t>(failure ? failure->status : ExitStatus::done);
  communicator.broadcast(std::span(&status, 1), first);
  const std::string message = communicator.broadcast(failure ? failure->message : std::string(), first);
  throw AgreedError(static_cast<ExitStatus>(status),
                    everywhere ? message : fmt::format("[rank {}] {}", first, message));
}

std::optional<int> first_other(const Communicator& communicator, const std::string& mine) {
  const bool same = communicator.broadcast(mine) == mine;
  const int first = communicator.min(same ? communicator.size() : communicator.rank());
  return first == communicator.size() ? std::nullopt : std::optional(first);
}

}  // namespace sibp
