#include "sibp/app/run/run_folder.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <ctime>
#include <system_error>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

constexpr const char* parent_of_runs = "runs";

[[noreturn]] void throw_occupied(const fs::path& folder, std::string_view what) {
  throw_usage_error(
      fmt::format("--out: found {}, {}; expected a new or an empty folder, as the results of a run are never "
                  "written over",
                  folder.string(), what));
}

[[noreturn]] void throw_unmakeable(const fs::path& folder, const std::error_code& reason) {
  throw Error(ExitStatus::runtime, fmt::format("cannot make the folder {}: {}; choose another one with --out",
                                               folder.string(), reason.message()));
}

/// Makes the folder; false if something of that name is there already.
bool make_folder(const fs::path& folder) {
  std::error_code failed;
  const bool made = fs::create_directory(folder, failed);
  if (failed && failed != std::errc::file_exists) throw_unmakeable(folder, failed);
  return made && !failed;
}

void make_parents(const fs::path& folder) {
  std::error_code failed;
  const fs::path parent = fs::absolute(folder).lexically_normal().parent_path();
  fs::create_directories(parent, failed);
  if (failed) throw_unmakeable(folder, failed);
}

/// A folder of that name which nobody had made before.
fs::path make_new_folder(const fs::path& wanted) {
  make_parents(wanted);
  fs::path folder = wanted;
  for (int number = 2; !make_folder(folder); ++number) folder = fmt::format("{}-{}", wanted.string(), number);
  return folder;
}

/// Whether the folder holds nothing of a run yet, but perhaps what is there before one starts: the launcher's logs, and
/// the lock of a run that went no further. Throws Error (runtime) naming it and the system's reason.
bool is_unused(const fs::path& folder) {
  constexpr std::array<std::string_view, 2> ignored{"logs", RunLock::file_name};
  std::error_code failed;
  fs::directory_iterator entry(folder, failed);
  while (!failed && entry != fs::directory_iterator() &&
         std::ranges::find(ignored, entry->path().filename().string()) != ignored.end())
    entry.increment(failed);
  if (failed) throw Error(ExitStatus::runtime, fmt::format("cannot read {}: {}", folder.string(), failed.message()));
  return entry == fs::directory_iterator();
}

/// Sees that what is there is a folder that is unused.
void check_empty(const fs::path& folder) {
  if (!fs::is_directory(folder)) throw_occupied(folder, "which is a file");
  if (!is_unused(folder)) throw_occupied(folder, "which is not empty");
}

/// Files that a run was about to put in their places when it was killed: see write_file_whole.
void remove_partial_files(const fs::path& folder) {
  std::error_code failed;
  for (fs::directory_iterator entry(folder, failed), end; !failed && entry != end; entry.increment(failed)) {
    std::error_code ignored;
    if (entry->path().filename().string().find(".partial-") != std::string::npos) fs::remove(entry->path(), ignored);
  }
}

/// Sees that what a run writes to again is no pipe or the like, which may never take or give anything.
void check_regular(const fs::path& folder) {
  for (const char* name :
       {RunFolder::metrics_name, "config.ini", "status.json", RunFolder::model_name, RunFolder::averaged_model_name}) {
    std::error_code unknown;
    const fs::file_status there = fs::status(folder / name, unknown);
    if (fs::exists(there) && !fs::is_regular_file(there))
      throw Error(ExitStatus::runtime,
                  fmt::format("cannot write {}, which is no regular file; remove it", (folder / name).string()));
  }
}

/// Sees that things can be made in the folder, or in the nearest one above it that is there.
void check_writable(const fs::path& folder) {
  std::error_code unknown;
  fs::path there = fs::absolute(folder).lexically_normal();
  while (!fs::exists(there, unknown) && there.has_relative_path()) there = there.parent_path();
  if (!fs::is_directory(there, unknown)) throw_unmakeable(folder, std::make_error_code(std::errc::not_a_directory));
  if (::access(there.c_str(), W_OK | X_OK) != 0) throw_unmakeable(folder, {errno, std::system_category()});
}

}  // namespace

fs::path without_trailing_slash(const fs::path& path) {
  return path.has_filename() || !path.has_relative_path() ? path : path.parent_path();
}

void RunFolder::check_claimable(const fs::path& out) {
  const fs::path folder = out.empty() ? fs::path(parent_of_runs) : without_trailing_slash(out);
  std::error_code unknown;
  if (!out.empty() && fs::exists(folder, unknown)) check_empty(folder);
  check_writable(folder);
}

RunFolder RunFolder::claim(const fs::path& out, std::string_view name) {
  fs::path folder = without_trailing_slash(out);
  if (folder.empty()) {
    const std::string time = fmt::format("{:%Y%m%d-%H%M%S}", fmt::localtime(std::time(nullptr)));
    folder = make_new_folder(fs::path(parent_of_runs) / fmt::format("{}-{}", time, name));
  } else {
    make_parents(folder);
    if (!make_folder(folder)) check_empty(folder);
  }
  RunLock lock(folder);
  // Of two runs that both saw an empty folder one makes this file and the other fails here, if not at the lock.
  LineFile metrics(folder / RunFolder::metrics_name);
  return {std::move(folder), std::move(lock), std::move(metrics)};
}

RunFolder RunFolder::reopen(fs::path folder, RunLock lock, std::int64_t metrics_bytes) {
  check_regular(folder);
  remove_partial_files(folder);
  std::error_code missing;
  const auto found = fs::file_size(folder / RunFolder::metrics_name, missing);
  if (metrics_bytes > 0 && (missing || found < static_cast<std::uintmax_t>(metrics_bytes)))
    spdlog::warn("{} has {} bytes, expected {} as its checkpoint says: records of before are lost",
                 (folder / RunFolder::metrics_name).string(), missing ? 0 : found, metrics_bytes);
  LineFile metrics(folder / RunFolder::metrics_name, metrics_bytes);
  return {std::move(folder), std::move(lock), std::move(metrics)};
}

bool RunFolder::is_of_a_run(const fs::path& folder) {
  return is_there(folder / RunLock::file_name) &&
         (is_there(folder / RunFolder::metrics_name) || is_there(folder / checkpoints_name));
}

void MetricsWriter::on_record(const MetricsRecord& record) {
  waiting_.push_back(record);
  try {
    write_waiting();
  } catch (const Error& error) {
    if (waiting_.size() == 1) spdlog::warn("records wait for room: {}", error.what());
  }
}

void MetricsWriter::write_waiting() {
  for (; !waiting_.empty(); waiting_.pop_front()) folder_->append_metrics(waiting_.front());
}

std::int64_t MetricsWriter::flush() {
  write_waiting();
  return folder_->flush_metrics();
}

RunFolder::RunFolder(fs::path path, RunLock lock, LineFile metrics)
    : path_(std::move(path)),
      lock_(std::move(lock)),
      metrics_(std::move(metrics)),
      folder_(path_, O_RDONLY | O_DIRECTORY) {
}

void RunFolder::check_place() const {
  struct stat mine = {};
  struct stat there = {};
  if (folder_.open_error() != 0 || ::fstat(folder_.descriptor(), &mine) != 0) return;
  if (::stat(path_.c_str(), &there) == 0 && there.st_dev == mine.st_dev && there.st_ino == mine.st_ino) return;
  throw Error(
      ExitStatus::runtime,
      fmt::format("{} is not the folder of this run any more; it was renamed or removed: put it back", path_.string()));
}

std::int64_t RunFolder::flush_metrics() {
  check_place();
  return metrics_.flush();
}

void RunFolder::write(std::string_view file_name, std::string_view content) const {
  write_file_whole(path_ / file_name, content);
}

}  // namespace sibp
