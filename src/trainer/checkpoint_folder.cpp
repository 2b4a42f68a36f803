#include "sibp/trainer/checkpoint_folder.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/sha256.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <system_error>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

constexpr const char* manifest_name = "manifest.json";
constexpr const char* latest_name = "latest";
constexpr std::string_view step_prefix = "step-";
constexpr std::string_view leftover_prefix = "tmp-";

std::string name_of_step(Index step) {
  return fmt::format("{}{:08}", step_prefix, step);
}

/// What a manifest says of a file.
struct Listed {
  std::uintmax_t bytes = 0;
  std::string digest;
};
using Manifest = std::map<std::string, Listed>;

std::string text_of(const Manifest& manifest) {
  json files = json::object();
  for (const auto& [name, listed] : manifest) files[name] = {{"bytes", listed.bytes}, {"sha256", listed.digest}};
  return json{{"format", 1}, {"files", files}}.dump(1) + "\n";
}

[[noreturn]] void throw_damaged(const fs::path& path, const std::string& what) {
  throw_model_error(fmt::format("{} is damaged: {}", path.string(), what));
}

/// A manifest counts only as it was written, to the byte: it has no digest of its own.
Manifest parse_manifest(const std::string& text, const fs::path& path) {
  Manifest manifest;
  try {
    const json content = json::parse(text);
    for (const auto& [name, listed] : content.at("files").items())
      manifest[name] = {listed.at("bytes").get_ref<const json::number_unsigned_t&>(),
                        listed.at("sha256").get<std::string>()};
    if (text_of(manifest) == text) return manifest;
  } catch (const json::exception&) {
    // Its message may quote megabytes of the file.
  }
  throw_damaged(path, "it is no manifest as sibp_dist writes them");
}

std::string read_manifest(const fs::path& path) {
  constexpr std::uintmax_t largest = 1'000'000;
  std::error_code reason;
  const auto bytes = fs::file_size(path, reason);
  if (reason) throw_unreadable({reason, "cannot read " + path.string()});
  if (bytes > largest) throw_damaged(path, fmt::format("it has {} bytes, expected at most {}", bytes, largest));
  return read_file(path);
}

void verify_file(const fs::path& path, const Listed& listed) {
  std::error_code reason;
  const bool is_file = fs::is_regular_file(path, reason);
  const auto bytes = is_file ? fs::file_size(path, reason) : 0;
  if (reason) throw_unreadable({reason, "cannot read " + path.string()});
  if (!is_file) throw_damaged(path, "it is no file");
  if (bytes != listed.bytes) throw_damaged(path, fmt::format("it has {} bytes, expected {}", bytes, listed.bytes));
  const std::string digest = sha256_of_file(path);
  if (digest != listed.digest)
    throw_damaged(path, fmt::format("its SHA-256 is {}, expected {}", digest, listed.digest));
}

/// Sees that the folder holds no file that the manifest does not name. Those with a dot in front are the system's, such
/// as a file that is gone but still open on a network file system.
void check_nothing_else(const fs::path& checkpoint, const Manifest& manifest) {
  std::error_code reason;
  for (fs::directory_iterator entry(checkpoint, reason), end; !reason && entry != end; entry.increment(reason)) {
    const std::string name = entry->path().filename().string();
    if (name != manifest_name && !name.starts_with('.') && !manifest.contains(name))
      throw_damaged(checkpoint, fmt::format("its manifest does not name {}", name));
  }
  if (reason) throw std::system_error(reason, "cannot read " + checkpoint.string());
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

std::string manifest_of(const CheckpointFiles& content) {
  Manifest manifest;
  for (const auto& [name, bytes] : content) manifest[name] = {bytes.size(), sha256(bytes)};
  return text_of(manifest);
}

void verify_checkpoint(const fs::path& checkpoint) {
  try {
    const fs::path path = checkpoint / manifest_name;
    const Manifest manifest = parse_manifest(read_manifest(path), path);
    if (manifest.empty()) throw_damaged(path, "it names no file");
    for (const auto& [name, listed] : manifest) {
      // To the system a name ends with its first zero byte.
      if (fs::path(name).filename() != name || name.find('\0') != std::string::npos)
        throw_damaged(path, "it names what is no file of its folder");
      verify_file(checkpoint / name, listed);
    }
    check_nothing_else(checkpoint, manifest);
  } catch (const std::system_error& error) {
    throw_unreadable(error);
  }
}

bool is_whole(const fs::path& checkpoint) {
  try {
    verify_checkpoint(checkpoint);
    return true;
  } catch (const Error& error) {
    if (error.status() != ExitStatus::model) throw;
    return false;
  }
}

void throw_unreadable(const std::system_error& error) {
  constexpr std::array damage{std::errc::no_such_file_or_directory, std::errc::is_a_directory,
                              std::errc::not_a_directory, std::errc::invalid_argument, std::errc::file_too_large};
  if (std::ranges::any_of(damage, [&](std::errc reason) { return error.code() == reason; }))
    throw_model_error(error.what());
  throw Error(ExitStatus::runtime, fmt::format("{}; this is no damage: try again when the file system answers, or move "
                                               "the checkpoint away to go on from an older one",
                                               error.what()));
}

CheckpointFolder::CheckpointFolder(fs::path path, FileOperations& files) : path_(std::move(path)), files_(files) {
}

fs::path CheckpointFolder::path_of(Index step) const {
  return path_ / name_of_step(step);
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

void CheckpointFolder::save(Index step, const CheckpointFiles& content,
                            const std::function<bool(const fs::path&)>& is_same) {
  const fs::path whole = path_of(step);
  if (fs::exists(whole)) {
    if (is_same(whole)) return;
    set_aside(step);
  }
  files_.make_folder(path_);
  files_.flush(path_.has_parent_path() ? path_.parent_path() : ".");
  const fs::path part = path_ / fmt::format("{}{}", leftover_prefix, name_of_step(step));
  try {
    write_flushed(part, content);
    files_.rename(part, whole);
  } catch (const Error&) {
    give_room(part);
    throw;
  }
  files_.flush(path_);
  point_latest_at(step);
}

void CheckpointFolder::write_flushed(const fs::path& folder, const CheckpointFiles& content) {
  files_.remove(folder);
  files_.make_folder(folder);
  const auto write = [&](const std::string& name, const std::string& bytes) {
    files_.write(folder / name, bytes);
    files_.flush(folder / name);
  };
  for (const auto& [name, bytes] : content) write(name, bytes);
  write(manifest_name, manifest_of(content));
  files_.flush(folder);
}

/// A disk that was full has its room back for the next try.
void CheckpointFolder::give_room(const fs::path& leftover) {
  try {
    files_.remove(leftover);
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
    const fs::path old = path_of(all[static_cast<std::size_t>(k)]);
    const fs::path leftover = path_ / fmt::format("{}{}", leftover_prefix, old.filename().string());
    files_.rename(old, leftover);
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
