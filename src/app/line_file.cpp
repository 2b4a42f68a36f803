#include "sibp/app/run_folder.hpp"
#include "sibp/core/error.hpp"

#include <cerrno>
#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp {
namespace {

[[noreturn]] void throw_write_error(const std::filesystem::path& path, int reason) {
  throw Error(ExitStatus::runtime, fmt::format("cannot write {}: {}; make room or choose another folder with --out",
                                               path.string(), std::system_category().message(reason)));
}

/// Writes all of `content`; returns 0 or the errno of the call that failed.
int write_all(int file, std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = ::write(file, content.data(), content.size());
    if (written < 0 && errno == EINTR) continue;
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

}  // namespace

LineFile::LineFile(std::filesystem::path path) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_APPEND | O_CLOEXEC, 0666);
  if (file_ < 0) throw_write_error(path_, errno);
}

LineFile::LineFile(std::filesystem::path path, std::int64_t bytes) : path_(std::move(path)) {
  file_ = ::open(path_.c_str(), O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0666);
  struct stat before = {};
  if (file_ < 0 || ::fstat(file_, &before) != 0) throw_write_error(path_, errno);
  if (before.st_size > bytes && ::ftruncate(file_, bytes) != 0) throw_write_error(path_, errno);
}

LineFile::LineFile(LineFile&& other) noexcept : path_(std::move(other.path_)), file_(std::exchange(other.file_, -1)) {
}

LineFile& LineFile::operator=(LineFile&& other) noexcept {
  std::swap(path_, other.path_);
  std::swap(file_, other.file_);
  return *this;
}

LineFile::~LineFile() {
  if (file_ >= 0) ::close(file_);
}

void LineFile::append_line(std::string_view line) {
  struct stat before = {};
  if (::fstat(file_, &before) != 0) throw_write_error(path_, errno);
  const int reason = write_all(file_, std::string(line) + '\n');
  if (reason == 0) return;
  // A part of the line may have found room. Without its line break it would not pass for a whole line even if it
  // stayed.
  if (::ftruncate(file_, before.st_size) != 0) throw_write_error(path_, errno);
  throw_write_error(path_, reason);
}

std::int64_t LineFile::flush() {
  struct stat now = {};
  if (::fsync(file_) != 0 || ::fstat(file_, &now) != 0) throw_write_error(path_, errno);
  return now.st_size;
}

}  // namespace sibp
