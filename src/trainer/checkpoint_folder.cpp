#include "sibp/trainer/checkpoint_folder.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

constexpr const char* latest_name = "latest";
constexpr std::string_view step_prefix = "step-";
constexpr std::string_view leftover_prefix = "tmp-";

std::string name_of_step(Index step) {
  return fmt::format("{}{:08}", step_prefix, step);
}

}  // namespace

Index step_of_name(const std::string& name) {
  if (!name.starts_with(step_prefix)) return -1;
  Index step = -1;
  const char* first = name.data() + step_prefix.size();
  const auto [end, error] = std::from_chars(first, name.data() + name.size(), step);
  return error == std::errc() && step >= 0 && name == name_of_step(step) ? step : -1;
}

bool is_checkpoint(const fs::path& folder) {
  std::error_code unknown;
  return step_of_name(folder.filename().string()) >= 0 || fs::exists(folder / manifest_name, unknown);
}

CheckpointFolder::CheckpointFolder(fs::path path, FileOperations& files) : path_(std::move(path)), files_(files) {
}

fs::path CheckpointFolder::path_of(Index step) const {
  return path_ / name_of_step(step);
}

fs::path CheckpointFolder::part_of(Index step) const {
  return path_ / fmt::format("{}{}", leftover_prefix, name_of_step(step));
}

std::vector<Index> CheckpointFolder::steps() const {
  std::vector<Index> steps;
  std::error_code reason;
  for (fs::directory_iterator entry(path_, reason), end; !reason && entry != end; entry.increment(reason)) {
    if (const Index step = step_of_name(entry->path().filename().string()); step >= 0) steps.push_back(step);
  }
  if (reason && reason != std::errc::no_such_file_or_directory)
    throw Error(ExitStatus::runtime, fmt::format("cannot read {}: {}", path_.string(), reason.message()));
  std::sort(steps.begin(), steps.end());
  return steps;
}

void CheckpointFolder::save(Index step, const CheckpointFiles& content, const IsSame& is_same) {
  if (begin(step, is_same)) complete(step, content);
}

std::optional<fs::path> CheckpointFolder::begin(Index step, const IsSame& is_same) {
  const fs::path whole = path_of(step);
  if (fs::exists(whole)) {
    if (is_same(whole)) return std::nullopt;
    set_aside(step);
  }
  files_.make_folder(path_);
  files_.flush(path_.has_parent_path() ? path_.parent_path() : ".");
  fs::path part = part_of(step);
  try {
    files_.remove(part);
    files_.make_folder(part);
  } catch (const Error&) {
    give_up(step);
    throw;
  }
  return part;
}

void CheckpointFolder::complete(Index step, const CheckpointFiles& content, const ListedFiles& written) {
  const fs::path part = part_of(step);
  try {
    const auto write = [&](const std::string& name, const std::string& bytes) {
      files_.write(part / name, bytes);
      files_.flush(part / name);
    };
    for (const auto& [name, bytes] : content) write(name, bytes);
    write(manifest_name, manifest_of(content, written));
    files_.flush(part);
    files_.rename(part, path_of(step));
  } catch (const Error&) {
    give_up(step);
    throw;
  }
  files_.flush(path_);
  point_latest_at(step);
}

void CheckpointFolder::give_up(Index step) {
  try {
    files_.remove(part_of(step));
  } catch (const Error&) {
    // The error that is under way says what is wrong.
  }
}

void CheckpointFolder::point_latest_at(Index step) {
  const fs::path link = path_ / fmt::format("{}{}", leftover_prefix, latest_name);
  files_.remove(link);
  files_.make_link(name_of_step(step), link);
  const fs::path latest = path_ / latest_name;
  // A copy of the run whose links were followed has a second copy of the newest checkpoint there.
  std::error_code unknown;
  if (fs::is_directory(fs::symlink_status(latest, unknown)) && is_checkpoint(latest)) files_.remove(latest);
  files_.rename(link, latest);
  files_.flush(path_);
}

void CheckpointFolder::prune(Index keep, Index step, Index best) {
  std::vector<Index> all = steps();
  if (std::erase(all, step) > 0) --keep;
  for (Index k = 0; k < std::ssize(all) - keep; ++k) {
    if (all[static_cast<std::size_t>(k)] == best) continue;
    // Renamed first: a folder with some of its files gone would pass for a damaged checkpoint.
    const Index old = all[static_cast<std::size_t>(k)];
    const fs::path leftover = part_of(old);
    files_.rename(path_of(old), leftover);
    files_.remove(leftover);
  }
}

void CheckpointFolder::clean_up() {
  std::vector<fs::path> leftovers;
  std::error_code reason;
  for (fs::directory_iterator entry(path_, reason), end; !reason && entry != end; entry.increment(reason)) {
    if (entry->path().filename().string().starts_with(leftover_prefix)) leftovers.push_back(entry->path());
  }
  for (const fs::path& leftover : leftovers) files_.remove(leftover);
  if (const auto all = steps(); !all.empty()) point_latest_at(all.back());
}

void CheckpointFolder::set_aside(Index step) {
  const fs::path aside = path_ / fmt::format("damaged-{:08}", step);
  files_.remove(aside);
  files_.rename(path_of(step), aside);
}

}  // namespace sibp
