#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <string>
#include <system_error>
#include <vector>

namespace sibp {

inline constexpr const char* manifest_name = "manifest.json";

/// The files of one checkpoint by name, without its manifest.
using CheckpointFiles = std::map<std::string, std::string>;

/// What a manifest says of a file: its size, and the SHA-256 digests of its blocks of `block_bytes`, the last of which
/// may be shorter. With `block_bytes` 0 there is one digest, that of the whole file.
struct ListedFile {
  std::uintmax_t bytes = 0;
  std::uintmax_t block_bytes = 0;
  std::vector<std::string> digests;
};
using ListedFiles = std::map<std::string, ListedFile>;

/// The manifest of these files and of those that `written` lists. Local.
std::string manifest_of(const CheckpointFiles& content, const ListedFiles& written = {});

/// Checks every file of a checkpoint against its manifest, which names each of them; blocks by as many threads as this
/// process has cores. Files of `read_back` are taken to be what the manifest says. Local. Throws Error (model) naming
/// the file, what was found and what was expected, Error (runtime) if it cannot be read.
void verify_checkpoint(const std::filesystem::path& checkpoint, const ListedFiles& read_back = {});

/// Whether verify_checkpoint finds nothing wrong. Local. Throws Error (runtime) if it cannot be read.
bool is_whole(const std::filesystem::path& checkpoint);

/// Throws for a file of a checkpoint that was not read: Error (model) if it is not there or no file, Error (runtime)
/// for all that may pass, as an error of the network or of permissions. Local.
[[noreturn]] void throw_unreadable(const std::system_error& error);

}  // namespace sibp
