#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/run_lock.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/trainer/checkpoint.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace sibp {

/// What a run goes on from; empty for one that starts anew in a folder of its own.
struct Resumption {
  // on rank 0
  std::filesystem::path folder;            ///< of the run that goes on; empty: in a new one
  std::optional<RunLock> lock;             ///< of that folder
  std::optional<NewestCheckpoint> newest;  ///< nothing: the run starts anew
  std::string run;                         ///< name of the run that goes on in `folder`; empty: it has none yet
  // on all ranks
  bool from_checkpoint = false;
  std::string config;  ///< the checkpoint's config.ini
};

/// Finds and reads what --resume names:
///
///   auto            the newest checkpoint in the folder of --out, which is gone on in; a start if there is none and
///                   was none
///   a run's folder  its newest checkpoint; gone on in this folder unless --out names another
///   a checkpoint    that one, in a new folder
///
/// Collective. Throws AgreedError: usage if the folder is in use or holds other things, model if there are checkpoints
/// but none that can be used.
Resumption find_resumption(const Options& options, const Communicator& world);

/// The folder of a training's results, where the options fix it: that of --out, or of the run that --resume continues.
/// Empty: the program makes a new one, or the command leaves no results. Local.
std::filesystem::path settled_folder(const Options& options);

/// Sees that a run which goes on from a checkpoint with these options is the run that was stopped: `options` are those
/// of this run, `config` is the checkpoint's. Local. Throws Error (usage) naming the option, what was found and what
/// was expected.
void check_same_training(const Options& options, const std::string& config);

/// How what a run goes on with differs from what its checkpoint was written with, for people: version, processor,
/// kernels and, unless the weights do not depend on it (`reproducible`), the number of ranks. Empty: in nothing. Local.
std::string changes_since(const RunFacts& then, const RunFacts& now, bool reproducible);

}  // namespace sibp
