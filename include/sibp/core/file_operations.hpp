#pragma once

#include <cstdint>
#include <filesystem>
#include <string_view>

namespace sibp {

/// Changes to a file system, one at a time: tests break off after each of them, as a power cut would. All are Local and
/// throw Error (runtime) naming the path and the system's reason.
class FileOperations {
 public:
  FileOperations() = default;
  FileOperations(const FileOperations&) = delete;
  FileOperations& operator=(const FileOperations&) = delete;
  virtual ~FileOperations() = default;

  /// Makes the folder and its parents unless they are there.
  virtual void make_folder(const std::filesystem::path& path);
  /// Makes a file of this content, which nobody can rely on before it is flushed.
  virtual void write(const std::filesystem::path& path, std::string_view content);
  /// Makes a file of so many zero bytes, which others fill.
  virtual void make_file(const std::filesystem::path& path, std::uint64_t bytes);
  /// What was written to the file, or the names in the folder, outlast a power cut. Some file systems cannot promise
  /// the latter, and nothing is done there.
  virtual void flush(const std::filesystem::path& path);
  /// In the place of what is there, if that is a file, a link or an empty folder.
  virtual void rename(const std::filesystem::path& from, const std::filesystem::path& to);
  /// Makes a symbolic link; on a file system that has none, a file with the target in it.
  virtual void make_link(const std::filesystem::path& target, const std::filesystem::path& path);
  /// Removes a file or a folder with all that is in it; nothing if there is none.
  virtual void remove(const std::filesystem::path& path);
};

/// The real ones.
FileOperations& system_files();

}  // namespace sibp
