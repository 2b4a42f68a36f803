#include "sibp/core/last_words.hpp"

#include <mutex>
#include <utility>

namespace sibp {
namespace {

std::mutex mutex;
LastWords last_words;

}  // namespace

void set_last_words(LastWords words) {
  const std::lock_guard lock(mutex);
  last_words = std::move(words);
}

void say_last_words(ExitStatus status, const std::string& message) noexcept {
  try {
    LastWords words;
    {
      const std::lock_guard lock(mutex);
      words = std::exchange(last_words, nullptr);
    }
    if (words) words(status, message);
  } catch (...) {
    // The process ends by another error already, and its message matters more.
  }
}

}  // namespace sibp
