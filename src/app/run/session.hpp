#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/threads.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/data/dataset.hpp"
#include "sibp/device/device.hpp"
#include "sibp/model/network_spec.hpp"

#include <filesystem>
#include <optional>
#include <string>

namespace sibp {

/// The device that the ranks compute on, with its share of the node's cores.
struct Compute {
  ThreadPlan threads;
  std::unique_ptr<Device> device;
  Communicator communicator;  ///< all ranks; matrices travel as the device's memory needs it
  bool on_gpus = false;       ///< the device of every rank is a GPU
};

/// Chooses and makes the device, plans the threads, and logs both. Collective. Throws AgreedError (usage) naming
/// --device or --precision if there is no such device for every rank.
Compute open_compute(const Options& options, const Communicator& world);

/// Opens the data set of the options. Collective. Throws AgreedError.
Dataset open_data(const Options& options, const Communicator& world);

/// The same for what looks at sizes alone: where files are missing, those of the published data set, with a warning.
/// Collective. Throws AgreedError.
Dataset open_sizes(const Options& options, const Communicator& world);

/// The file that --init names, if it names one rather than a distribution. Local.
std::optional<std::filesystem::path> weights_file(const Options& options);

/// The network of the options for a data set. Local. Throws Error (usage) naming the option if the outputs are not one
/// per class.
NetworkSpec network_of(const Options& options, const Dataset& dataset);

/// Prints. Local. Throws Error (runtime) if standard output takes nothing.
void print_all(const std::string& text);
/// Prints on rank 0 and makes sure of it: a text that nobody gets to see is an error on every rank. Collective.
void print_on_root(const Communicator& world, const std::string& text);

}  // namespace sibp
