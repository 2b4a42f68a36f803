#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/comm/communicator.hpp"

namespace sibp {

// The program's commands. Each returns the exit status of the program. Collective. Throw AgreedError for what every
// rank knows of, any other exception for what only one rank does.

/// Trains a network and leaves a run folder, from the start or from where `from` says; with --describe prints the
/// network and ends.
int run_train(const Options& options, const Communicator& world, Resumption from);
/// Prints a model's loss and accuracy on a split.
int run_evaluate(const Options& options, const Communicator& world);
/// Writes a model's class and its probability for every sample of a split.
int run_predict(const Options& options, const Communicator& world);
/// Writes a model in the form of another program.
int run_export(const Options& options, const Communicator& world);
/// Prints what a step would take on other machines, by the cost model.
int run_plan(const Options& options, const Communicator& world);
/// Lists, verifies or shows checkpoints.
int run_checkpoint(const Options& options, const Communicator& world);
/// Prints what the ranks run on and what looks wrong with it, and tests on synthetic data that training works.
int run_doctor(const Options& options, const Communicator& world);

/// Shows how far a run is until it ends, and returns its exit status. Local; needs no MPI. Throws Error: usage if the
/// folder is no run's, stalled if the run's process is gone and wrote down no end.
int run_watch(const Options& options);

}  // namespace sibp
