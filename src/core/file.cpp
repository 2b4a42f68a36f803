#include "sibp/core/file.hpp"

#include "sibp/core/error.hpp"

#include <array>
#include <cerrno>
#include <cstdio>
#include <memory>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace sibp {
namespace {

[[noreturn]] void throw_write_error(const std::filesystem::path& path, int reason) {
  throw Error(ExitStatus::runtime, "cannot write " + path.string() + ": " + std::system_category().message(reason) +
                                       "; make room or choose another place");
}

/// Writes and flushes all of `content`; returns 0 or the errno of the call that failed.
int write_and_flush(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  // Pipes and devices have nothing to flush.
  return ::fsync(file) == 0 || errno == EINVAL || errno == ENOTSUP ? 0 : errno;
}

/// Makes the name of a renamed file last, as far as the system can promise it.
void flush_folder_of(const std::filesystem::path& path) {
  const auto folder = path.has_parent_path() ? path.parent_path() : std::filesystem::path(".");
  const int handle = ::open(folder.c_str(), O_RDONLY | O_DIRECTORY | O_CLOEXEC);
  if (handle < 0) return;
  ::fsync(handle);
  ::close(handle);
}

/// Returns 0 or the errno of the call that failed.
int write_to(const std::filesystem::path& path, int flags, std::string_view content) {
  const int file = ::open(path.c_str(), flags | O_WRONLY | O_CLOEXEC, 0666);
  if (file < 0) return errno;
  const int reason = write_and_flush(file, content);
  return ::close(file) != 0 && reason == 0 ? errno : reason;
}

}  // namespace

void write_file_whole(const std::filesystem::path& path, std::string_view content) {
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown) && !std::filesystem::is_regular_file(path, unknown)) {
    // A pipe or a device is not to be replaced by a file.
    if (const int reason = write_to(path, 0, content); reason != 0) throw_write_error(path, reason);
    return;
  }
  const std::filesystem::path temporary = path.string() + ".partial-" + std::to_string(::getpid());
  int reason = write_to(temporary, O_CREAT | O_EXCL, content);
  if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason != 0) {
    if (reason != EEXIST) ::unlink(temporary.c_str());
    throw_write_error(path, reason);
  }
  flush_folder_of(path);
}

std::string read_file(const std::filesystem::path& path, std::uintmax_t largest) {
  const auto check = [&](bool succeeded) {
    if (!succeeded) throw std::system_error(errno, std::system_category(), "cannot read " + path.string());
  };
  std::error_code unknown;
  if (std::filesystem::exists(path, unknown) && !std::filesystem::is_regular_file(path, unknown)) {
    const int reason = std::filesystem::is_directory(path, unknown) ? EISDIR : EINVAL;  // a pipe may never end
    throw std::system_error(reason, std::system_category(),
                            "cannot read " + path.string() + ", which is no regular file");
  }
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  check(file != nullptr);
  std::string content;
  std::array<char, 1U << 16U> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), file.get())) {
    content.append(part.data(), count);
    if (content.size() > largest)
      throw std::system_error(
          EFBIG, std::system_category(),
          "cannot read " + path.string() + ", which has more than " + std::to_string(largest) + " bytes");
  }
  check(std::ferror(file.get()) == 0);  // a folder can be opened, but not read
  return content;
}

}  // namespace sibp
