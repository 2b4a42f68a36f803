// The program: starts MPI, reads the options, runs the command, and turns every exception into a message and an exit
// status.

#include "sibp/app/commands.hpp"
#include "sibp/app/logging.hpp"
#include "sibp/app/options.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/comm/environment.hpp"
#include "sibp/core/error.hpp"

#include "app/session.hpp"

#include <cstdio>
#include <exception>
#include <optional>
#include <string>

#include <fmt/format.h>

namespace {

using sibp::Command;
using sibp::ExitStatus;

/// mpirun forwards neither every variable nor files: ranks may have been told different things. Collective.
void agree_on_options(const sibp::Options& options, const sibp::Communicator& world) {
  const std::string mine = sibp::agreed(world, [&] { return sibp::to_ini(options) + sibp::rest_of_options(options); });
  const bool same = world.broadcast(mine) == mine;
  const int first = world.min(same ? world.size() : world.rank());
  if (first == world.size()) return;
  throw sibp::AgreedError(ExitStatus::disagree,
                          fmt::format("rank {} has other options than rank 0; give the same environment and the same "
                                      "--config file to every node (mpirun -x NAME forwards a variable)",
                                      first));
}

int run_command(int argc, char** argv, const sibp::Environment& variables, const sibp::Communicator& job) {
  const auto options = sibp::agreed(job, [&] { return sibp::parse_options(argc, argv, variables); });
  agree_on_options(options, job);
  sibp::set_up_logging(options.log_level, job.rank());
  const sibp::Communicator world = sibp::make_mpi_communicator(options.sums);
  if (options.help || options.version) {
    sibp::print_on_root(world, options.help ? sibp::help_text() : sibp::version_text());
    return static_cast<int>(ExitStatus::done);
  }
  switch (options.command) {
    case Command::train:
      return sibp::run_train(options, world);
    case Command::evaluate:
      return sibp::run_evaluate(options, world);
    case Command::predict:
      return sibp::run_predict(options, world);
    case Command::plan:
      return sibp::run_plan(options, world);
  }
  throw sibp::Error(ExitStatus::usage, "unknown command");
}

void report(const std::string& message) {
  std::fflush(stdout);
  // One call: the lines of several ranks arrive whole.
  std::fputs(fmt::format("sibp_dist: {}\n", message).c_str(), stderr);
  std::fflush(stderr);
}

/// The program between MPI's start and end. Every communicator is gone when it returns.
int run(int argc, char** argv, const sibp::Environment& variables) {
  std::optional<sibp::Communicator> world;  // outside the try block: an error that one rank has frees no communicator
  try {
    world = sibp::make_mpi_communicator();
    return run_command(argc, argv, variables, *world);
  } catch (const sibp::AgreedError& error) {
    if (world->is_root()) report(fmt::format("error: {}", error.what()));
    return static_cast<int>(error.status());
  } catch (...) {
    // Other ranks know nothing of this error and may wait for this one in a collective: end them all.
    const auto failure = sibp::current_failure();
    const std::string rank = world ? fmt::format("[rank {}] ", world->rank()) : "";
    report(fmt::format("{}error: {}", rank, failure.message));
    sibp::MpiEnvironment::abort(static_cast<int>(failure.status));
  }
}

}  // namespace

int main(int argc, char** argv) {
  try {
    const auto variables = sibp::current_environment();  // MPI's start adds a launcher's variables even without one
    sibp::MpiEnvironment environment(argc, argv);
    const int status = run(argc, argv, variables);
    environment.finish();
    return status;
  } catch (const std::exception& error) {  // MPI did not start
    report(fmt::format("error: {}", error.what()));
    return static_cast<int>(ExitStatus::runtime);
  }
}
