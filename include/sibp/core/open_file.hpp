#pragma once

#include <cstddef>
#include <cstdint>
#include <filesystem>
#include <string_view>

namespace sibp {

/// A file of the system, closed at the end. A call that a signal interrupts is made again, and one that does a part is
/// followed by another. Functions that return int return 0, or the errno of the call that failed. All are Local.
class OpenFile {
 public:
  /// Opens with the flags of open(2), O_CLOEXEC added; a new file may be read and written by all that the umask lets.
  OpenFile(const std::filesystem::path& path, int flags);
  OpenFile(const OpenFile&) = delete;
  OpenFile& operator=(const OpenFile&) = delete;
  OpenFile(OpenFile&& other) noexcept;
  OpenFile& operator=(OpenFile&& other) noexcept;
  ~OpenFile();

  /// Why it could not be opened.
  [[nodiscard]] int open_error() const { return open_error_; }
  /// The descriptor; −1 if it is not open.
  [[nodiscard]] int descriptor() const { return file_; }

  int write(std::string_view content);
  /// Reads `bytes` bytes, or as many as there are before the end; `count` says how many.
  int read(void* to, std::size_t bytes, std::size_t& count);
  /// The next write or read begins at that byte.
  int move_to(std::int64_t offset);
  /// What was written outlasts a power cut.
  int flush();
  /// Cuts the file to that many bytes, or makes it longer by zeros.
  int cut(std::int64_t bytes);
  /// The bytes of the file.
  int size(std::int64_t& bytes) const;
  /// An error says that what was written is lost after all, as network file systems may find out only now. The file is
  /// closed all the same.
  int close();

 private:
  int file_ = -1;
  int open_error_ = 0;
};

}  // namespace sibp
