#include "sibp/app/run/threads.hpp"

#include "sibp/core/cores.hpp"

#include "device/checksum.hpp"

#include <algorithm>
#include <charconv>
#include <cstdlib>
#include <string_view>

#include <fmt/format.h>
#include <fmt/ranges.h>

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

}  // namespace

ThreadPlan plan_threads(int requested, const Communicator& node) {
  ThreadPlan plan;
  const std::vector<int> cores = bound_cores();
  const std::uint64_t mine = hash_of(fmt::format("{}", fmt::join(cores, ",")));
  const auto all = node.all_gather(mine);
  plan.cores = static_cast<int>(cores.size());
  plan.sharers = static_cast<int>(std::count(all.begin(), all.end(), mine));
  const int wanted = requested > 0 ? requested : threads_of_environment();
  plan.threads = wanted > 0 ? wanted : std::max(1, plan.cores / plan.sharers);
  plan.oversubscribed = plan.threads * plan.sharers > plan.cores;
  return plan;
}

}  // namespace sibp
