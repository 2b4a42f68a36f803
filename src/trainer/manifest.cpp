#include "sibp/trainer/manifest.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/sha256.hpp"

#include <algorithm>
#include <array>
#include <future>
#include <thread>
#include <utility>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using nlohmann::json;

json to_json(const ListedFile& file) {
  if (file.block_bytes == 0) return {{"bytes", file.bytes}, {"sha256", file.digests.at(0)}};
  return {{"bytes", file.bytes}, {"block_bytes", file.block_bytes}, {"sha256_of_blocks", file.digests}};
}

ListedFile from_json(const json& listed) {
  const auto number = [&](const char* key) { return listed.at(key).get_ref<const json::number_unsigned_t&>(); };
  if (listed.contains("sha256")) return {number("bytes"), 0, {listed.at("sha256").get<std::string>()}};
  ListedFile file{number("bytes"), number("block_bytes"), {}};
  listed.at("sha256_of_blocks").get_to(file.digests);
  return file;
}

/// Format 1, which older programs read too, has no blocks.
std::string text_of(const ListedFiles& manifest) {
  json files = json::object();
  int version = 1;
  for (const auto& [name, file] : manifest) {
    files[name] = to_json(file);
    if (file.block_bytes > 0) version = 2;
  }
  return json{{"format", version}, {"files", files}}.dump(1) + "\n";
}

[[noreturn]] void throw_damaged(const fs::path& path, const std::string& what) {
  throw_model_error(fmt::format("{} is damaged: {}", path.string(), what));
}

std::uintmax_t block_count(const ListedFile& file) {
  return file.bytes / file.block_bytes + (file.bytes % file.block_bytes > 0 ? 1 : 0);
}

/// A manifest counts only as it was written, to the byte: it has no digest of its own.
ListedFiles parse_manifest(const std::string& text, const fs::path& path) {
  ListedFiles manifest;
  try {
    const json content = json::parse(text);
    bool fits = true;
    for (const auto& [name, listed] : content.at("files").items()) {
      const ListedFile& file = manifest[name] = from_json(listed);
      fits = fits && (listed.contains("sha256") || (file.block_bytes > 0 && block_count(file) == file.digests.size()));
    }
    if (fits && text_of(manifest) == text) return manifest;
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

void expect_digest(const fs::path& path, const std::string& what, const std::string& found,
                   const std::string& expected) {
  if (found != expected) throw_damaged(path, fmt::format("its {} is {}, expected {}", what, found, expected));
}

/// Every thread takes each so many-th block; the first exception of the lowest thread is thrown.
void verify_blocks(const fs::path& path, const ListedFile& listed) {
  const std::size_t blocks = listed.digests.size();
  const std::size_t threads = std::min<std::size_t>(blocks, std::max(1U, std::thread::hardware_concurrency()));
  const auto verify = [&](std::size_t first) {
    for (std::size_t k = first; k < blocks; k += threads) {
      const std::uintmax_t begin = k * listed.block_bytes;
      expect_digest(path, fmt::format("SHA-256 from byte {} on", begin),
                    sha256_of_part(path, begin, std::min(listed.block_bytes, listed.bytes - begin)), listed.digests[k]);
    }
  };
  std::vector<std::future<void>> others;
  for (std::size_t k = 1; k < threads; ++k) others.push_back(std::async(std::launch::async, verify, k));
  if (threads > 0) verify(0);
  for (std::future<void>& other : others) other.get();
}

void verify_file(const fs::path& path, const ListedFile& listed, bool is_read_back) {
  std::error_code reason;
  const bool is_file = fs::is_regular_file(path, reason);
  const auto bytes = is_file ? fs::file_size(path, reason) : 0;
  if (reason) throw_unreadable({reason, "cannot read " + path.string()});
  if (!is_file) throw_damaged(path, "it is no file");
  if (bytes != listed.bytes) throw_damaged(path, fmt::format("it has {} bytes, expected {}", bytes, listed.bytes));
  if (is_read_back) return;
  if (listed.block_bytes > 0) {
    verify_blocks(path, listed);
  } else {
    expect_digest(path, "SHA-256", sha256_of_file(path), listed.digests.at(0));
  }
}

/// Sees that the folder holds no file that the manifest does not name. Those with a dot in front are the system's, such
/// as a file that is gone but still open on a network file system.
void check_nothing_else(const fs::path& checkpoint, const ListedFiles& manifest) {
  std::error_code reason;
  for (fs::directory_iterator entry(checkpoint, reason), end; !reason && entry != end; entry.increment(reason)) {
    const std::string name = entry->path().filename().string();
    if (name != manifest_name && !name.starts_with('.') && !manifest.contains(name))
      throw_damaged(checkpoint, fmt::format("its manifest does not name {}", name));
  }
  if (reason) throw std::system_error(reason, "cannot read " + checkpoint.string());
}

}  // namespace

std::string manifest_of(const CheckpointFiles& content, const ListedFiles& written) {
  ListedFiles manifest = written;
  for (const auto& [name, bytes] : content) manifest[name] = {bytes.size(), 0, {sha256(bytes)}};
  return text_of(manifest);
}

void verify_checkpoint(const fs::path& checkpoint, const ListedFiles& read_back) {
  try {
    const fs::path path = checkpoint / manifest_name;
    const ListedFiles manifest = parse_manifest(read_manifest(path), path);
    if (manifest.empty()) throw_damaged(path, "it names no file");
    for (const auto& [name, listed] : manifest) {
      // To the system a name ends with its first zero byte.
      if (fs::path(name).filename() != name || name.find('\0') != std::string::npos)
        throw_damaged(path, "it names what is no file of its folder");
      verify_file(checkpoint / name, listed, read_back.contains(name));
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

}  // namespace sibp
