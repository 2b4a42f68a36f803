#include "sibp/core/stop_request.hpp"

#include <algorithm>
#include <array>
#include <atomic>
#include <csignal>

namespace sibp {
namespace {

constexpr std::array signals{SIGTERM, SIGINT, SIGUSR1, SIGHUP};
constexpr std::array of_writes{SIGPIPE, SIGXFSZ};

// Lock-free, so a signal handler may use them.
std::atomic<int> received{0};
std::atomic<bool> interrupted{false};
static_assert(std::atomic<int>::is_always_lock_free && std::atomic<bool>::is_always_lock_free);

extern "C" void note_stop_signal(int number) {
  if (number == SIGINT && interrupted.exchange(true)) {
    std::signal(SIGINT, SIG_DFL);
    std::raise(SIGINT);  // takes effect when this handler returns
  }
  received.store(number);
}

void set_handlers(void (*handler)(int)) {
  struct sigaction action {};
  action.sa_handler = handler;
  action.sa_flags = SA_RESTART;  // libraries need not be ready for calls that are interrupted
  ::sigemptyset(&action.sa_mask);
  for (const int number : signals) {
    struct sigaction before {};
    if (number == SIGHUP && ::sigaction(number, nullptr, &before) == 0 && before.sa_handler == SIG_IGN) continue;
    ::sigaction(number, &action, nullptr);
  }
}

}  // namespace

void catch_stop_signals() {
  set_handlers(note_stop_signal);
  for (const int number : of_writes) std::signal(number, SIG_IGN);
}

void release_stop_signals() {
  set_handlers(SIG_DFL);
  for (const int number : of_writes) std::signal(number, SIG_DFL);
  if (const int number = received.exchange(0); number != 0) std::raise(number);
}

StopRequests::StopRequests() {
  const auto remember = [&](int number) { ::sigaction(number, nullptr, &before_[number]); };
  std::ranges::for_each(signals, remember);
  std::ranges::for_each(of_writes, remember);
  received.store(0);
  interrupted.store(false);
  catch_stop_signals();
}

StopRequests::~StopRequests() {
  for (const auto& [number, action] : before_) ::sigaction(number, &action, nullptr);
}

int stop_signal() {
  return received.load();
}

}  // namespace sibp
