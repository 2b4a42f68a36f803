#include "sibp/app/run/training.hpp"

#include "sibp/app/run/logging.hpp"
#include "sibp/comm/agreement.hpp"

#include "app/cli/option_names.hpp"
#include "app/run/agreed_options.hpp"

#include <utility>

#include <spdlog/spdlog.h>

namespace sibp {
namespace {

FinishedRun train_by(const std::vector<std::string>& words, const Communicator& world, std::optional<Dataset> dataset) {
  std::vector<const char*> argv{"sibp_dist", "train"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const int argc = checked_int(std::ssize(argv));
  const Environment variables = current_environment();
  const Options given = agreed_options(argc, argv.data(), variables, world);
  agreed(world, [&] {
    if (given.help || given.version || given.describe)
      throw_usage_error(
          "found --help, --version or --describe, expected options of a training; only the program has these");
  });
  set_up_logging(given.log_level, world.rank());
  for (const std::string& warning : given.warnings) spdlog::warn(warning);
  Resumption from;
  if (!given.resume.empty()) from = find_resumption(given, world);
  const Options options = options_on_resume(given, argc, argv.data(), variables, world, from);
  const Communicator ranks = make_mpi_communicator(options.sums);
  return train_run(options, ranks, std::move(dataset), std::move(from));
}

}  // namespace

FinishedRun train_run(const std::vector<std::string>& words, const Communicator& world,
                      std::optional<Dataset> dataset) {
  try {
    return train_by(words, world, std::move(dataset));
  } catch (const AgreedError& error) {
    throw AgreedError(error.status(), named_by_options(error.what()), error.where());
  }
}

}  // namespace sibp
