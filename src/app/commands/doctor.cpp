#include "sibp/app/commands/commands.hpp"
#include "sibp/app/run/threads.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/comm/links.hpp"
#include "sibp/core/words.hpp"

#include "app/commands/doctor_text.hpp"
#include "app/run/session.hpp"

#include <algorithm>

#include <fmt/format.h>

namespace sibp {
namespace {

/// Whether all ranks compute with the same kernels and threads, so that equal input gives equal bits.
bool have_same_arithmetic(const std::vector<RankFacts>& facts) {
  return std::ranges::all_of(facts, [&](const RankFacts& f) {
    return f.blas == facts.front().blas && f.threads == facts.front().threads && f.processor == facts.front().processor;
  });
}

}  // namespace

int run_doctor(const Options& options, const Communicator& world) {
  const ThreadPlan plan = plan_threads(options.threads, make_node_communicator());
  const auto device = make_cpu_device(plan.threads);
  const auto facts = gather_facts(agreed(world, [&] { return facts_of_this_rank(plan, *device); }), world);
  const auto links = measure_links(world);
  const auto warnings = warnings_of(facts, links);
  // Shown before the test, which may be what never ends.
  print_on_root(world, fmt::format("{}\n\n{}{}", counted(world.size(), "rank"), facts_text(facts, links),
                                   warnings_text(warnings)));
  const auto checks = run_self_test(*device, world, have_same_arithmetic(facts));
  print_on_root(world, verdict_text(checks, warnings.size()));
  return static_cast<int>(all_passed(checks) ? ExitStatus::done : ExitStatus::runtime);
}

}  // namespace sibp
