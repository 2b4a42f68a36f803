#include "sibp/core/file_operations.hpp"

#include "sibp/core/error.hpp"

#include <cerrno>
#include <string>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <unistd.h>

namespace sibp {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path, const std::error_code& reason) {
  throw Error(ExitStatus::runtime, std::string("cannot ") + what + " " + path.string() + ": " + reason.message() +
                                       "; make room, check its permissions or choose another place");
}

std::error_code last_error() {
  return {errno, std::system_category()};
}

/// Whether the file system has no such operation.
bool is_unsupported(const std::error_code& reason) {
  return reason == std::errc::operation_not_supported || reason == std::errc::not_supported ||
         reason == std::errc::function_not_supported;
}

/// A file descriptor that is closed at the end.
class Handle {
 public:
  Handle(const std::filesystem::path& path, int flags) : file_(::open(path.c_str(), flags | O_CLOEXEC, 0666)) {}
  Handle(const Handle&) = delete;
  Handle& operator=(const Handle&) = delete;
  ~Handle() { close(); }
  /// False with errno if what was written is lost after all, as network file systems may say only now.
  bool close() { return file_ < 0 || ::close(std::exchange(file_, -1)) == 0; }
  [[nodiscard]] int get() const { return file_; }
  [[nodiscard]] bool is_open() const { return file_ >= 0; }

 private:
  int file_;
};

}  // namespace

void FileOperations::make_folder(const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::create_directories(path, reason);
  if (reason) fail("make the folder", path, reason);
}

void FileOperations::write(const std::filesystem::path& path, std::string_view content) {
  Handle file(path, O_WRONLY | O_CREAT | O_TRUNC);
  if (!file.is_open()) fail("write", path, last_error());
  while (!content.empty()) {
    const ssize_t written = ::write(file.get(), content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) fail("write", path, last_error());
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  if (!file.close()) fail("write", path, last_error());
}

void FileOperations::flush(const std::filesystem::path& path) {
  const Handle file(path, O_RDONLY);
  if (!file.is_open()) fail("flush", path, last_error());
  if (::fsync(file.get()) == 0) return;
  const std::error_code reason = last_error();
  std::error_code unknown;
  const bool cannot = reason == std::errc::invalid_argument || is_unsupported(reason);
  if (!cannot || !std::filesystem::is_directory(path, unknown)) fail("flush", path, reason);
}

void FileOperations::rename(const std::filesystem::path& from, const std::filesystem::path& to) {
  std::error_code reason;
  std::filesystem::rename(from, to, reason);
  if (reason) fail("make", to, reason);
}

void FileOperations::make_link(const std::filesystem::path& target, const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::create_symlink(target, path, reason);
  if (is_unsupported(reason) || reason == std::errc::operation_not_permitted) {
    write(path, target.string() + "\n");
  } else if (reason) {
    fail("make the link", path, reason);
  }
}

void FileOperations::remove(const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::remove_all(path, reason);
  if (reason) fail("remove", path, reason);
}

FileOperations& system_files() {
  static FileOperations operations;
  return operations;
}

}  // namespace sibp
