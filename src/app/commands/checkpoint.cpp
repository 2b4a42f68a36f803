// The command checkpoint: lists, verifies and shows what --resume can go on from.
#include "sibp/app/commands/commands.hpp"
#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"
#include "sibp/comm/agreement.hpp"

#include "app/run/session.hpp"

#include <algorithm>
#include <system_error>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

/// The checkpoints that a folder stands for: that of a run, of checkpoints, or of one. Newest last.
std::vector<fs::path> checkpoints_in(const fs::path& given) {
  const fs::path folder = without_trailing_slash(given);
  std::error_code unknown;
  if (!fs::exists(folder, unknown)) throw_model_error(fmt::format("{} does not exist", folder.string()));
  if (is_checkpoint(folder)) return {folder};
  const fs::path below = folder / RunFolder::checkpoints_name;
  const CheckpointFolder checkpoints(fs::exists(below, unknown) ? below : folder);
  std::vector<fs::path> paths;
  for (const Index step : checkpoints.steps()) paths.push_back(checkpoints.path_of(step));
  if (paths.empty()) throw_model_error(fmt::format("{} holds no checkpoint", folder.string()));
  return paths;
}

/// The name of the run that a checkpoint lies in the folder of; empty if that is no run's.
std::string run_around(const fs::path& checkpoint) {
  const auto status = read_status(fs::absolute(checkpoint).parent_path().parent_path());
  return status ? status->run : "";
}

double megabytes_of(const fs::path& checkpoint) {
  std::error_code unknown;
  std::uintmax_t bytes = 0;
  for (fs::directory_iterator entry(checkpoint, unknown), end; !unknown && entry != end; entry.increment(unknown)) {
    std::error_code failed;
    const auto size = entry->file_size(failed);
    if (!failed) bytes += size;
  }
  return static_cast<double>(bytes) / 1e6;
}

std::string place_of(const Checkpoint& checkpoint) {
  const double epochs =
      static_cast<double>(checkpoint.state.step) / static_cast<double>(checkpoint.run.batches_per_epoch);
  return fmt::format("step {} of {}, {:.2f} epochs done", checkpoint.state.step, checkpoint.run.steps, epochs);
}

/// A line for each checkpoint; `all_whole` tells whether every one can be used.
std::string listing(const std::vector<fs::path>& paths, bool& all_whole) {
  std::string text;
  for (const fs::path& path : paths) {
    std::string what;
    try {
      what = place_of(read_checkpoint(path, run_around(path)));
    } catch (const Error& error) {
      what = fmt::format("{}: {}", error.status() == ExitStatus::model ? "DAMAGED" : "UNREADABLE", error.what());
      all_whole = false;
    }
    text += fmt::format("{}  {:.1f} MB  {}\n", path.filename().string(), megabytes_of(path), what);
  }
  return text;
}

/// The newest that can be used, in full.
std::string description(const std::vector<fs::path>& paths) {
  std::string skipped;
  for (auto path = paths.rbegin(); path != paths.rend(); ++path) {
    try {
      const Checkpoint checkpoint = read_checkpoint(*path, run_around(*path));
      std::string text = fmt::format(
          "{}checkpoint  {}\nplace       {}\nsamples     {} trained on, {} in the training set\nseconds     {:.1f}\n"
          "ranks       {}\nmetrics     {} bytes\n",
          skipped, path->string(), place_of(checkpoint), checkpoint.state.samples, checkpoint.run.training_samples,
          checkpoint.state.seconds + checkpoint.state.interval.total_seconds(), checkpoint.run.ranks,
          checkpoint.run.metrics_bytes);
      for (const auto& [name, tensor] : checkpoint.tensors.tensors)
        text += fmt::format("tensor      {} ({})\n", name, fmt::join(tensor.shape, " × "));
      return text + "\n" + checkpoint.config;
    } catch (const Error& error) {
      skipped += fmt::format("skipped     {}\n", error.what());
    }
  }
  throw_model_error(fmt::format("no checkpoint can be used:\n{}", skipped));
}

}  // namespace

int run_checkpoint(const Options& options, const Communicator& world) {
  bool all_whole = true;
  const std::string text = agreed(world, [&] {
    if (!world.is_root()) return std::string();
    const auto paths = checkpoints_in(options.checkpoint_folder);
    if (options.checkpoint_action == CheckpointAction::show) return description(paths);
    std::string lines = listing(paths, all_whole);
    if (options.checkpoint_action == CheckpointAction::verify && all_whole)
      lines +=
          fmt::format("ok: {}, each with the sizes and SHA-256 of its manifest, finite weights and a state that fits\n",
                      paths.size() == 1 ? "1 checkpoint" : fmt::format("{} checkpoints", paths.size()));
    return lines;
  });
  print_on_root(world, text);
  agreed(world, [&] {
    if (!all_whole && options.checkpoint_action == CheckpointAction::verify)
      throw_model_error(fmt::format("{}: not every checkpoint can be used", options.checkpoint_folder.string()));
  });
  return static_cast<int>(ExitStatus::done);
}

}  // namespace sibp
