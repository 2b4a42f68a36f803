#include "sibp/core/failure_handler.hpp"

#include <mutex>
#include <utility>

namespace sibp {
namespace {

std::mutex mutex;
FailureHandler installed;

}  // namespace

void set_failure_handler(FailureHandler handler) {
  const std::lock_guard lock(mutex);
  installed = std::move(handler);
}

void call_failure_handler(ExitStatus status, const std::string& message) noexcept {
  try {
    FailureHandler handler;
    {
      const std::lock_guard lock(mutex);
      handler = std::exchange(installed, nullptr);
    }
    if (handler) handler(status, message);
  } catch (...) {
    // The process ends by another error already, and its message matters more.
  }
}

}  // namespace sibp
