#include "sibp/app/threads.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <functional>
#include <string_view>
#include <thread>

#include <sched.h>

namespace sibp {
namespace {

/// OMP_NUM_THREADS, of a list its first number; 0 if it is not set.
int threads_of_environment() {
  const char* value = std::getenv("OMP_NUM_THREADS");  // NOLINT(concurrency-mt-unsafe): nothing sets variables
  if (value == nullptr) return 0;
  const std::string_view text(value);
  int threads = 0;
  std::from_chars(text.data(), text.data() + text.size(), threads);
  return std::max(threads, 0);
}

/// The cores this process may run on, and a number that is the same for processes with the same cores.
std::pair<int, std::int64_t> allowed_cores() {
  cpu_set_t set;
  CPU_ZERO(&set);
  if (sched_getaffinity(0, sizeof set, &set) != 0) return {static_cast<int>(std::thread::hardware_concurrency()), 0};
  const std::string_view bytes(reinterpret_cast<const char*>(&set), sizeof set);
  return {CPU_COUNT(&set), static_cast<std::int64_t>(std::hash<std::string_view>{}(bytes))};
}

}  // namespace

ThreadPlan plan_threads(int requested, const Communicator& node) {
  ThreadPlan plan;
  const auto [cores, mask] = allowed_cores();
  const auto masks = node.all_gather(mask);
  plan.cores = std::max(cores, 1);
  plan.sharers = static_cast<int>(std::count(masks.begin(), masks.end(), mask));
  const int wanted = requested > 0 ? requested : threads_of_environment();
  plan.threads = wanted > 0 ? wanted : std::max(1, plan.cores / plan.sharers);
  plan.oversubscribed = plan.threads * plan.sharers > plan.cores;
  return plan;
}

}  // namespace sibp
