#include "sibp/core/open_file.hpp"

#include <cerrno>
#include <utility>

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp {
namespace {

/// The result of a call that is made again while signals interrupt it.
template <class Call>
auto insist(Call call) {
  auto result = call();
  while (result < 0 && errno == EINTR) result = call();
  return result;
}

int errno_of(int result) {
  return result == 0 ? 0 : errno;
}

}  // namespace

OpenFile::OpenFile(const std::filesystem::path& path, int flags)
    : file_(insist([&] { return ::open(path.c_str(), flags | O_CLOEXEC, 0666); })), open_error_(file_ < 0 ? errno : 0) {
}

OpenFile::OpenFile(OpenFile&& other) noexcept
    : file_(std::exchange(other.file_, -1)), open_error_(std::exchange(other.open_error_, EBADF)) {
}

OpenFile& OpenFile::operator=(OpenFile&& other) noexcept {
  std::swap(file_, other.file_);
  std::swap(open_error_, other.open_error_);
  return *this;
}

OpenFile::~OpenFile() {
  close();
}

int OpenFile::write(std::string_view content) {
  while (!content.empty()) {
    const ssize_t written = insist([&] { return ::write(file_, content.data(), content.size()); });
    if (written < 0) return errno;
    content.remove_prefix(static_cast<std::size_t>(written));
  }
  return 0;
}

int OpenFile::read(void* to, std::size_t bytes, std::size_t& count) {
  for (count = 0; count < bytes;) {
    const ssize_t found = insist([&] { return ::read(file_, static_cast<char*>(to) + count, bytes - count); });
    if (found < 0) return errno;
    if (found == 0) break;
    count += static_cast<std::size_t>(found);
  }
  return 0;
}

int OpenFile::move_to(std::int64_t offset) {
  return ::lseek(file_, offset, SEEK_SET) < 0 ? errno : 0;
}

int OpenFile::flush() {
  return errno_of(insist([&] { return ::fsync(file_); }));
}

int OpenFile::cut(std::int64_t bytes) {
  return errno_of(insist([&] { return ::ftruncate(file_, bytes); }));
}

int OpenFile::size(std::int64_t& bytes) const {
  struct stat now = {};
  const int reason = errno_of(::fstat(file_, &now));
  bytes = now.st_size;
  return reason;
}

int OpenFile::close() {
  // Linux closes the file even where it says that a signal came in between: it is not to be closed again, and what was
  // written is not lost.
  return file_ < 0 || ::close(std::exchange(file_, -1)) == 0 || errno == EINTR ? 0 : errno;
}

}  // namespace sibp
