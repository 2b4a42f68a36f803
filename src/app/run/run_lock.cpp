#include "sibp/app/run/run_lock.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/process.hpp"

#include <array>
#include <cerrno>
#include <ctime>
#include <string>
#include <system_error>

#include <fcntl.h>
#include <fmt/chrono.h>
#include <fmt/format.h>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

/// What the holder has written into the file.
std::string holder_of(int file) {
  std::array<char, 400> text{};
  const ssize_t count = ::pread(file, text.data(), text.size(), 0);
  std::string holder(text.data(), static_cast<std::size_t>(std::max<ssize_t>(count, 0)));
  holder.erase(std::min(holder.find('\n'), holder.size()));
  return holder.empty() ? "another process" : holder;
}

void write_holder(int file) {
  const std::string text = fmt::format("process {} on {} since {:%Y-%m-%d %H:%M:%S}\n", ::getpid(), host_name(),
                                       fmt::localtime(std::time(nullptr)));
  // For people alone: a full disk is no reason to fail here.
  if (::ftruncate(file, 0) != 0 || ::pwrite(file, text.data(), text.size(), 0) < 0)
    spdlog::debug("run.lock does not say who holds it");
}

/// Takes the lock; 0, or the errno that says why not. It belongs to the open file, not to the process: a copy of the
/// file that something else in the process closes does not end it.
int lock(int file) {
  struct flock request {};
  request.l_type = F_WRLCK;
  request.l_whence = SEEK_SET;
  return ::fcntl(file, F_OFD_SETLK, &request) == 0 ? 0 : errno;
}

}  // namespace

RunLock::RunLock(const std::filesystem::path& folder) : file_(folder / file_name, O_RDWR | O_CREAT) {
  const auto path = folder / file_name;
  if (file_.open_error() != 0)
    throw Error(ExitStatus::runtime, fmt::format("cannot write {}: {}; choose another folder with --out", path.string(),
                                                 std::system_category().message(file_.open_error())));
  const int reason = lock(file_.descriptor());
  if (reason == 0) {
    write_holder(file_.descriptor());
  } else if (reason == EAGAIN || reason == EACCES) {
    throw_usage_error(fmt::format("--out: found {} in use by {}; wait for its end or choose another folder",
                                  folder.string(), holder_of(file_.descriptor())));
  } else {
    spdlog::warn("{} cannot be locked ({}): nothing keeps a second run out of this folder", path.string(),
                 std::system_category().message(reason));
  }
}

}  // namespace sibp
