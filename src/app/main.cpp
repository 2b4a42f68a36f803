// The program: starts MPI, reads the options, runs the command, and turns every exception into a message and an exit
// status.

#include "sibp/app/cli/options.hpp"
#include "sibp/app/commands/commands.hpp"
#include "sibp/app/run/build_info.hpp"
#include "sibp/app/run/logging.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/comm/environment.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/failure_handler.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/printable.hpp"
#include "sibp/core/process.hpp"
#include "sibp/core/stop_request.hpp"
#include "sibp/core/watchdog.hpp"

#include "app/cli/option_names.hpp"
#include "app/cli/option_table.hpp"
#include "app/run/agreed_options.hpp"
#include "app/run/session.hpp"

#include <cstdio>
#include <cstdlib>
#include <exception>
#include <optional>
#include <string>
#include <string_view>
#include <utility>

#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace {

using sibp::Command;
using sibp::ExitStatus;

int run_training(const sibp::Options& given, int argc, char** argv, const sibp::Environment& variables,
                 const sibp::Communicator& world, sibp::Watchdog& watchdog) {
  sibp::Resumption from;
  if (!given.resume.empty() && !given.describe) from = sibp::find_resumption(given, world);
  const auto options = sibp::options_on_resume(given, argc, argv, variables, world, from);
  watchdog.set_limit(options.guard.stall_timeout);
  return sibp::run_train(options, sibp::make_mpi_communicator(options.sums), std::move(from));
}

/// Tells the supervisor (launch/supervisor) that every rank is there, by making the file that it named. Local, for rank
/// 0.
void mark_start(const sibp::Environment& variables) {
  if (const auto mark = variables.find("SUPERVISOR_READY_FILE"); mark != variables.end()) {
    sibp::write_file_whole(mark->second, "");
  }
}

int run_command(int argc, char** argv, const sibp::Environment& variables, const sibp::Communicator& job,
                sibp::Watchdog& watchdog) {
  sibp::agree_on_build(job);
  const auto options = sibp::agreed_options(argc, argv, variables, job);
  if (job.is_root()) mark_start(variables);
  sibp::set_up_logging(options.log_level, job.rank());
  watchdog.set_limit(options.guard.stall_timeout);
  if (options.command != Command::train) sibp::release_stop_signals();
  if (const auto text = sibp::text_asked_for(options)) {
    sibp::print_on_root(job, *text);
    return static_cast<int>(ExitStatus::done);
  }
  for (const std::string& warning : options.warnings) spdlog::warn(warning);
  if (options.command == Command::train) return run_training(options, argc, argv, variables, job, watchdog);
  const sibp::Communicator world = sibp::make_mpi_communicator(options.sums);
  switch (options.command) {
    case Command::train:
    case Command::watch:  // works without ranks
      break;
    case Command::evaluate:
      return sibp::run_evaluate(options, world);
    case Command::predict:
      return sibp::run_predict(options, world);
    case Command::export_model:
      return sibp::run_export(options, world);
    case Command::plan:
      return sibp::run_plan(options, world);
    case Command::checkpoint:
      return sibp::run_checkpoint(options, world);
    case Command::doctor:
      return sibp::run_doctor(options, world);
    case Command::completion:
    case Command::manual:
      break;
  }
  throw sibp::Error(ExitStatus::usage, "unknown command");
}

/// Prints a message for people, with quantities under the names of their options.
void report(const std::string& message) {
  std::fflush(stdout);
  // One call: the lines of several ranks arrive whole.
  std::fputs(fmt::format("sibp_dist: {}\n", sibp::printable(sibp::named_by_options(message))).c_str(), stderr);
  std::fflush(stderr);
}

/// Answers the supervisor (launch/supervisor), which asks before it starts the ranks: the command, and the folder that
/// the options fix for its results. A zero byte ends each, because a path may hold all others.
int answer_supervisor(const sibp::Options& options) {
  const std::string answer =
      fmt::format("{}{}{}{}", sibp::name_of(options.command), '\0', sibp::settled_folder(options).string(), '\0');
  const bool said = std::fwrite(answer.data(), 1, answer.size(), stdout) == answer.size() && std::fflush(stdout) == 0;
  return static_cast<int>(said ? ExitStatus::done : ExitStatus::runtime);
}

/// What needs no MPI. Its exit status.
int run_without_ranks(int argc, char** argv, const sibp::Environment& variables,
                      int (*what)(const sibp::Options& options)) {
  try {
    return what(sibp::parse_options(argc, argv, variables));
  } catch (const sibp::Error& error) {
    report(fmt::format("error: {}", error.what()));
    return static_cast<int>(error.status());
  }
}

/// Prints what needs no ranks, where no launcher started the process: MPI does not start everywhere, for example on the
/// front ends of some clusters. False if that is not what the options ask for, or they are wrong.
bool print_without_ranks(int argc, char** argv, const sibp::Environment& variables) {
  std::optional<std::string> text;
  try {
    const auto options = sibp::parse_options(argc, argv, variables);
    if (!options.has_launcher) text = sibp::text_asked_for(options);
  } catch (const sibp::Error&) {
    return false;  // is said to all ranks
  }
  if (text) sibp::print_all(*text);
  return text.has_value();
}

/// The program between MPI's start and end. Every communicator is gone when it returns.
int run(int argc, char** argv, const sibp::Environment& variables, sibp::Watchdog& watchdog) {
  std::optional<sibp::Communicator> world;  // outside the try block: an error that one rank has frees no communicator
  try {
    world = sibp::make_mpi_communicator();
    watchdog.set_rank(world->rank(), world->size());
    return run_command(argc, argv, variables, *world, watchdog);
  } catch (const sibp::AgreedError& error) {
    if (world->is_root()) report(fmt::format("error: {}", error.what()));
    sibp::call_failure_handler(error.status(), sibp::named_by_options(error.what()));
    return static_cast<int>(error.status());
  } catch (...) {
    // Other ranks know nothing of this error and may wait for this one in a collective: end them all.
    const auto failure = sibp::current_failure();
    const std::string rank = world ? fmt::format("[rank {}] ", world->rank()) : "";
    report(fmt::format("{}error: {}", rank, failure.message));
    sibp::call_failure_handler(failure.status, sibp::named_by_options(failure.message));
    sibp::MpiEnvironment::abort(static_cast<int>(failure.status));
  }
}

/// Where an error comes up while another is dealt with, mostly for want of memory. Allocates nothing.
[[noreturn]] void end_at_once() noexcept {
  constexpr std::string_view message = "sibp_dist: error: out of memory, or an error that nothing was ready for\n";
  [[maybe_unused]] const ssize_t written = ::write(STDERR_FILENO, message.data(), message.size());
  std::_Exit(static_cast<int>(ExitStatus::runtime));
}

/// The program from its start to its end. Throws what keeps it from getting as far as MPI.
int start(int argc, char** argv) {
  const auto variables = sibp::current_environment();  // MPI's start adds a launcher's variables even without one
  if (variables.contains("SUPERVISOR_QUESTION")) return run_without_ranks(argc, argv, variables, answer_supervisor);
  if (sibp::works_without_ranks(argc, argv)) return run_without_ranks(argc, argv, variables, sibp::run_watch);
  if (print_without_ranks(argc, argv, variables)) return static_cast<int>(ExitStatus::done);
  sibp::give_back_large_blocks();
  sibp::catch_stop_signals();
  sibp::Watchdog watchdog;
  sibp::MpiEnvironment environment(argc, argv);
  const int status = run(argc, argv, variables, watchdog);
  sibp::beat(sibp::Activity::end);
  environment.finish();
  return status;
}

}  // namespace

int main(int argc, char** argv) {
  std::set_terminate(end_at_once);
  try {
    return start(argc, argv);
  } catch (const std::exception& error) {  // without a string of its own: there may be no memory for one
    std::fprintf(stderr, "sibp_dist: error: cannot start: %s; is there memory and room for a thread?\n", error.what());
    return static_cast<int>(ExitStatus::runtime);
  }
}
