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
                                       "; make room or choose another folder with --out");
}

/// Writes and flushes all of `content`; returns 0 or the errno of the call that failed.
int write_and_flush(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return ::fsync(file) == 0 ? 0 : errno;
}

}  // namespace

void write_file_whole(const std::filesystem::path& path, std::string_view content) {
  const std::filesystem::path temporary = path.string() + ".partial";
  const int file = ::open(temporary.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
  if (file < 0) throw_write_error(path, errno);
  int reason = write_and_flush(file, content);
  if (::close(file) != 0 && reason == 0) reason = errno;
  if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason != 0) {
    ::unlink(temporary.c_str());
    throw_write_error(path, reason);
  }
}

std::string read_file(const std::filesystem::path& path) {
  const auto check = [&](bool succeeded) {
    if (!succeeded) throw std::system_error(errno, std::system_category(), "cannot read " + path.string());
  };
  const std::unique_ptr<std::FILE, int (*)(std::FILE*)> file(std::fopen(path.c_str(), "rbe"), std::fclose);
  check(file != nullptr);
  std::string content;
  std::array<char, 1U << 16U> part{};
  while (const std::size_t count = std::fread(part.data(), 1, part.size(), file.get())) {
    content.append(part.data(), count);
  }
  check(std::ferror(file.get()) == 0);  // a folder can be opened, but not read
  return content;
}

}  // namespace sibp
