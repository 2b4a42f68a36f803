#include "sibp/core/file_operations.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/open_file.hpp"

#include <string>
#include <system_error>

#include <fcntl.h>

namespace sibp {
namespace {

[[noreturn]] void fail(const char* what, const std::filesystem::path& path, const std::error_code& reason) {
  throw Error(ExitStatus::runtime, std::string("cannot ") + what + " " + path.string() + ": " + reason.message() +
                                       "; make room, check its permissions or choose another place");
}

std::error_code system_error(int reason) {
  return {reason, std::system_category()};
}

/// Whether the file system has no such operation.
bool is_unsupported(const std::error_code& reason) {
  return reason == std::errc::operation_not_supported || reason == std::errc::not_supported ||
         reason == std::errc::function_not_supported;
}

}  // namespace

void FileOperations::make_folder(const std::filesystem::path& path) {
  std::error_code reason;
  std::filesystem::create_directories(path, reason);
  if (reason) fail("make the folder", path, reason);
}

void FileOperations::write(const std::filesystem::path& path, std::string_view content) {
  OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC);
  int reason = file.open_error();
  if (reason == 0) reason = file.write(content);
  if (reason == 0) reason = file.close();
  if (reason != 0) fail("write", path, system_error(reason));
}

void FileOperations::make_file(const std::filesystem::path& path, std::uint64_t bytes) {
  OpenFile file(path, O_WRONLY | O_CREAT | O_TRUNC);
  int reason = file.open_error();
  if (reason == 0) reason = file.cut(static_cast<std::int64_t>(bytes));
  if (reason == 0) reason = file.close();
  if (reason != 0) fail("write", path, system_error(reason));
}

void FileOperations::flush(const std::filesystem::path& path) {
  OpenFile file(path, O_RDONLY);
  const std::error_code reason = system_error(file.open_error() != 0 ? file.open_error() : file.flush());
  if (!reason) return;
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
