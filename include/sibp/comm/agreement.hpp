#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include <optional>
#include <string>
#include <type_traits>
#include <utility>

namespace sibp {

/// What a rank brings to an agreement: nothing if its part went well.
struct Failure {
  ExitStatus status = ExitStatus::runtime;
  std::string message;
};

/// Throws AgreedError on every rank if any rank brings a failure: that of the lowest such rank, whose number stands
/// before its message unless all ranks failed. Collective.
void agree_on(const Communicator& communicator, const std::optional<Failure>& failure);

/// The first rank whose text is another than rank 0's; nothing if all are equal. Collective.
std::optional<int> first_other(const Communicator& communicator, const std::string& mine);

/// Turns the exception being handled into a Failure. Call inside a catch block. Local.
Failure current_failure();

/// Runs `local`, which must call no collective, on every rank and returns its result; if it throws anywhere, every rank
/// throws AgreedError. For whatever can fail on one rank alone: files, memory, limits. Collective.
template <class Local>
auto agreed(const Communicator& communicator, Local&& local) {
  std::optional<Failure> failure;
  if constexpr (std::is_void_v<std::invoke_result_t<Local>>) {
    try {
      std::forward<Local>(local)();
    } catch (...) {
      failure = current_failure();
    }
    agree_on(communicator, failure);
  } else {
    std::optional<std::invoke_result_t<Local>> result;
    try {
      result.emplace(std::forward<Local>(local)());
    } catch (...) {
      failure = current_failure();
    }
    agree_on(communicator, failure);
    return std::move(*result);
  }
}

}  // namespace sibp
