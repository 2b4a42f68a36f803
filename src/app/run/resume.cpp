#include "sibp/app/run/resume.hpp"

#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/heartbeat.hpp"

#include "app/cli/option_table.hpp"

#include <array>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

bool are_same(const fs::path& a, const fs::path& b) {
  std::error_code unknown;
  return fs::equivalent(a, b, unknown);
}

/// A run that had a checkpoint does not begin anew because it cannot be found: its file system may be away.
void check_not_lost(const fs::path& folder, const std::string& checkpoint, const Resumption& found) {
  const fs::path named = folder / checkpoint;
  if (checkpoint.empty() || is_there(named)) return;
  if (!found.newest)
    throw_model_error(
        fmt::format("--resume: {} had the checkpoint {}, but there is none now; is its file system mounted? "
                    "To start anew, choose another --out or remove {}",
                    folder.string(), checkpoint, folder.string()));
  spdlog::warn("{} is gone; older checkpoints are left", named.string());
}

/// The newest checkpoint of the run in this folder, and the name of that run.
Resumption read_newest(const fs::path& folder) {
  const WrittenStatus status = read_status(folder).value_or(WrittenStatus{});
  Resumption found;
  found.newest = read_newest_checkpoint(CheckpointFolder(folder / RunFolder::checkpoints_name), status.run);
  check_not_lost(folder, status.checkpoint, found);
  found.run = status.run.empty() && found.newest ? found.newest->checkpoint.run.run : status.run;
  return found;
}

/// The same of a folder that is gone on in, and is locked for that.
Resumption reopen(const fs::path& folder) {
  RunLock lock(folder);
  Resumption found = read_newest(folder);
  found.folder = folder;
  found.lock.emplace(std::move(lock));
  return found;
}

Resumption find_automatically(const fs::path& out) {
  if (out.empty()) throw_usage_error("--resume: found 'auto' without --out, whose folder it looks into");
  const fs::path folder = without_trailing_slash(out);
  if (!RunFolder::is_of_a_run(folder)) return {};  // to be made, or to be refused
  Resumption found = reopen(folder);
  if (!found.newest && is_there(folder / RunFolder::model_name))
    throw_usage_error(
        fmt::format("--out: found {} with the model of a run, but without checkpoints to go on from; "
                    "choose another folder",
                    folder.string()));
  return found;
}

/// The run that --resume names, by its folder or by that of its checkpoints.
fs::path run_of(const fs::path& named) {
  const fs::path folder = without_trailing_slash(named);
  return folder.filename() == RunFolder::checkpoints_name ? fs::absolute(folder).parent_path() : folder;
}

Resumption find_in(fs::path folder, const fs::path& out) {
  folder = without_trailing_slash(folder);
  if (!is_there(folder)) throw_model_error(fmt::format("--resume: {} does not exist", folder.string()));
  if (is_checkpoint(folder)) {
    Resumption found;
    found.newest = NewestCheckpoint{folder, read_checkpoint(folder), {}, {}};
    return found;
  }
  folder = run_of(folder);
  const bool goes_on_there = out.empty() || are_same(out, folder);
  Resumption found;
  if (goes_on_there) {
    found = reopen(folder);
  } else {
    found.newest = read_newest(folder).newest;
  }
  if (!found.newest) throw_model_error(fmt::format("--resume: {} holds no checkpoint of a run", folder.string()));
  return found;
}

/// Options as text that can be compared; an option that the method or the data set does not have has none.
std::optional<std::string> value_of(const OptionEntry& entry, const Options& options) {
  const bool is_relevant =
      (entry.dataset.empty() || entry.dataset == options.data.dataset) && is_of_method(entry, options.training.method);
  return is_relevant ? entry.binding.get(options) : std::nullopt;
}

}  // namespace

Resumption find_resumption(const Options& options, const Communicator& world) {
  Resumption found;
  beat(Activity::data);  // the others wait while rank 0 reads
  agreed(world, [&] {
    if (!world.is_root()) return;
    found = options.resume == "auto" ? find_automatically(options.out) : find_in(options.resume, options.out);
    if (!found.newest) return;
    for (const std::string& message : found.newest->messages) spdlog::warn("skipped a checkpoint: {}", message);
    spdlog::info("going on from {}", found.newest->path.string());
  });
  beat(Activity::start);
  std::int32_t has_checkpoint = found.newest ? 1 : 0;
  world.broadcast(std::span(&has_checkpoint, 1));
  found.from_checkpoint = has_checkpoint == 1;
  found.config = world.broadcast(found.newest ? found.newest->checkpoint.config : std::string());
  return found;
}

fs::path settled_folder(const Options& options) {
  if (!options.out.empty()) return without_trailing_slash(options.out);
  if (options.resume.empty() || options.resume == "auto" || is_checkpoint(without_trailing_slash(options.resume)))
    return {};
  const fs::path run = run_of(options.resume);
  return CheckpointFolder(run / RunFolder::checkpoints_name).steps().empty() ? fs::path() : run;
}

std::string changes_since(const RunFacts& then, const RunFacts& now, bool reproducible) {
  std::vector<std::string> changes;
  for (const auto& [name, value] : now.machine) {
    const auto found = then.machine.find(name);
    if (found != then.machine.end() && found->second != value)
      changes.push_back(fmt::format("{} {} instead of {}", name, value, found->second));
  }
  if (!reproducible && then.ranks != now.ranks)
    changes.push_back(fmt::format("ranks {} instead of {}", now.ranks, then.ranks));
  return fmt::format("{}", fmt::join(changes, ", "));
}

void check_same_training(const Options& options, const std::string& config) {
  constexpr std::array<const char*, 1> no_words{"sibp_dist"};
  const Options expected_options = parse_options(1, no_words.data(), {}, config);
  const Options found_options = with_absolute_paths(options);
  for (const OptionEntry& entry : option_table()) {
    if (entry.place != Place::saved || entry.on_resume == OnResume::free) continue;
    const auto found = value_of(entry, found_options);
    const auto expected = value_of(entry, expected_options);
    if (found == expected) continue;
    const auto shown = [](const auto& value) { return value ? fmt::format("'{}'", *value) : std::string("nothing"); };
    throw_usage_error(
        fmt::format("--{}: found {}, expected {} as in the checkpoint of --resume; leave the option out, "
                    "or start a new run",
                    entry.name, shown(found), shown(expected)));
  }
}

}  // namespace sibp
