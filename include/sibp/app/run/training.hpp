#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/data/dataset.hpp"

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace sibp {

/// What a training leaves.
struct FinishedRun {
  ExitStatus status = ExitStatus::done;  ///< or stopped: on request, with a checkpoint
  std::filesystem::path folder;          ///< of the run, on every rank
  std::string summary;                   ///< for people, on rank 0; empty if it was stopped
};

/// Trains as the program does by the options in `words`, such as {"--hidden", "32"}, and in the environment. With
/// `dataset`, on that rather than on the one of the options: classes 0 … classes − 1, the same samples on every rank.
/// Goes on from a checkpoint if --resume says so. Collective. Throws AgreedError for what every rank knows of, any
/// other exception for what only one rank does: it must end the others (MpiEnvironment::abort).
FinishedRun train_run(const std::vector<std::string>& words, const Communicator& world,
                      std::optional<Dataset> dataset = std::nullopt);

/// The same with options that have been read and agreed on, from the start or from where `from` says.
FinishedRun train_run(const Options& options, const Communicator& world, std::optional<Dataset> dataset,
                      Resumption from);

}  // namespace sibp
