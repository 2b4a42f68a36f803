#include "support/failing_calls.hpp"

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstdarg>
#include <functional>
#include <mutex>
#include <string_view>
#include <utility>

#include <dirent.h>
#include <dlfcn.h>
#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

namespace sibp::testing_support {
namespace {

std::recursive_mutex mutex;
FailingCalls* active = nullptr;
std::map<int, std::string> open_files;  // path by descriptor, of those in the folder

bool is_one_of(std::string_view call, std::initializer_list<std::string_view> calls) {
  return std::ranges::find(calls, call) != calls.end();
}

}  // namespace

std::string to_text(const CallPoint& point) {
  return point.call + " " + point.path + " " + std::to_string(point.number);
}

std::string to_text(Fault fault) {
  constexpr std::array names{"EIO", "ENOSPC", "EINTR", "a part"};
  return names.at(static_cast<std::size_t>(fault));
}

std::vector<Fault> faults_of(const CallPoint& point) {
  std::vector<Fault> faults{Fault::io_error};
  if (is_one_of(point.call, {"create", "write", "fsync", "close", "mkdir", "symlink", "rename"}))
    faults.push_back(Fault::no_space);
  if (is_one_of(point.call, {"open", "create", "write", "read", "fsync", "close", "ftruncate"}))
    faults.push_back(Fault::interrupted);
  if (is_one_of(point.call, {"write", "read"})) faults.push_back(Fault::part);
  return faults;
}

FailingCalls::FailingCalls(const std::filesystem::path& folder, std::optional<Injection> injection)
    : folder_(folder.string()), injection_(std::move(injection)) {
  const std::lock_guard lock(mutex);
  active = this;
}

FailingCalls::~FailingCalls() {
  const std::lock_guard lock(mutex);
  active = nullptr;
}

std::optional<std::string> FailingCalls::place_of(const std::string& path) const {
  if (!path.starts_with(folder_)) return std::nullopt;
  std::string place = path.substr(std::min(path.size(), folder_.size() + 1));
  static constexpr std::string_view partial = ".partial-";  // and the number of the process
  if (const auto at = place.find(partial); at != std::string::npos) {
    const auto number = at + partial.size() - 1;
    place.erase(number, place.find_first_not_of("0123456789", number + 1) - number);
  }
  return place;
}

std::optional<Fault> FailingCalls::meet(const char* call, const std::string& place) {
  const CallPoint point{call, place, ++counts_[{call, place}]};
  points_.push_back(point);
  if (!injection_) return std::nullopt;
  const bool is_it = point == injection_->point;
  const auto possible = faults_of(point);
  const bool follows = has_failed_ && injection_->for_good &&
                       std::ranges::find(possible, injection_->fault) != possible.end() && point.call != "close";
  if (!is_it && !follows) return std::nullopt;
  has_failed_ = true;
  return injection_->fault;
}

namespace {

/// The system's function of that name.
template <class Function>
Function* real(const char* name) {
  return reinterpret_cast<Function*>(dlsym(RTLD_NEXT, name));
}

int errno_of(Fault fault) {
  if (fault == Fault::no_space) return ENOSPC;
  return fault == Fault::interrupted ? EINTR : EIO;
}

std::string path_at(int folder, const char* path) {
  if (path == nullptr || *path == '/' || folder == AT_FDCWD) return path == nullptr ? "" : path;
  const auto found = open_files.find(folder);
  return found == open_files.end() ? path : found->second + "/" + path;
}

std::string path_of(int file) {
  const auto found = open_files.find(file);
  return found == open_files.end() ? "" : found->second;
}

std::optional<Fault> fault_of(const char* call, const std::string& path) {
  if (active == nullptr || path.empty()) return std::nullopt;
  const auto place = active->place_of(path);
  return place ? active->meet(call, *place) : std::nullopt;
}

/// Calls the system's function, or fails as the fault of this point says.
template <class Call>
auto pass(const char* call, const std::string& path, Call go) -> decltype(go()) {
  {
    const std::lock_guard lock(mutex);
    if (const auto fault = fault_of(call, path)) {
      errno = errno_of(*fault);
      if constexpr (std::is_pointer_v<decltype(go())>) {
        return nullptr;
      } else {
        return -1;
      }
    }
  }
  return go();
}

/// Whether a file is made or opened, or a folder to be looked through.
const char* name_of_open(int flags) {
  if ((flags & O_DIRECTORY) != 0) return "opendir";
  return (flags & O_CREAT) != 0 ? "create" : "open";
}

int open_and_note(const std::string& path, int flags, const std::function<int()>& go) {
  const int file = pass(name_of_open(flags), path, go);
  const std::lock_guard lock(mutex);
  if (file >= 0 && active != nullptr && active->place_of(path)) open_files[file] = path;
  return file;
}

mode_t mode_of(int flags, va_list arguments) {
  return (flags & (O_CREAT | O_TMPFILE)) != 0 ? va_arg(arguments, mode_t) : 0;
}

/// Moves a half of the bytes where the fault is that.
template <class Call>
ssize_t pass_bytes(const char* call, int file, std::size_t bytes, Call go) {
  std::optional<Fault> fault;
  {
    const std::lock_guard lock(mutex);
    fault = fault_of(call, path_of(file));
  }
  if (fault == Fault::part) return go(std::max<std::size_t>(bytes / 2, 1));
  if (!fault) return go(bytes);
  errno = errno_of(*fault);
  return -1;
}

}  // namespace
}  // namespace sibp::testing_support

using namespace sibp::testing_support;  // NOLINT: what follows stands for functions of the system

extern "C" {

int open(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  static const auto next = real<int(const char*, int, ...)>("open");
  return open_and_note(path, flags, [&] { return next(path, flags, mode); });
}

int open64(const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  static const auto next = real<int(const char*, int, ...)>("open64");
  return open_and_note(path, flags, [&] { return next(path, flags, mode); });
}

int openat(int folder, const char* path, int flags, ...) {
  va_list arguments;
  va_start(arguments, flags);
  const mode_t mode = mode_of(flags, arguments);
  va_end(arguments);
  static const auto next = real<int(int, const char*, int, ...)>("openat");
  return open_and_note(path_at(folder, path), flags, [&] { return next(folder, path, flags, mode); });
}

int close(int file) {
  static const auto next = real<int(int)>("close");
  std::string path;
  {
    const std::lock_guard lock(mutex);
    if (const auto found = open_files.find(file); found != open_files.end())
      path = std::exchange(found->second, std::string());
    open_files.erase(file);
  }
  const int result = next(file);  // the system closes it whatever it says
  return pass("close", path, [&] { return result; });
}

ssize_t write(int file, const void* from, std::size_t bytes) {
  static const auto next = real<ssize_t(int, const void*, std::size_t)>("write");
  return pass_bytes("write", file, bytes, [&](std::size_t count) { return next(file, from, count); });
}

ssize_t read(int file, void* to, std::size_t bytes) {
  static const auto next = real<ssize_t(int, void*, std::size_t)>("read");
  return pass_bytes("read", file, bytes, [&](std::size_t count) { return next(file, to, count); });
}

int fsync(int file) {
  static const auto next = real<int(int)>("fsync");
  return pass("fsync", path_of(file), [&] { return next(file); });
}

int ftruncate(int file, off_t bytes) noexcept {
  static const auto next = real<int(int, off_t)>("ftruncate");
  return pass("ftruncate", path_of(file), [&] { return next(file, bytes); });
}

int rename(const char* from, const char* to) noexcept {
  static const auto next = real<int(const char*, const char*)>("rename");
  return pass("rename", to, [&] { return next(from, to); });
}

int mkdir(const char* path, mode_t mode) noexcept {
  static const auto next = real<int(const char*, mode_t)>("mkdir");
  return pass("mkdir", path, [&] { return next(path, mode); });
}

int symlink(const char* target, const char* path) noexcept {
  static const auto next = real<int(const char*, const char*)>("symlink");
  return pass("symlink", path, [&] { return next(target, path); });
}

int unlink(const char* path) noexcept {
  static const auto next = real<int(const char*)>("unlink");
  return pass("unlink", path, [&] { return next(path); });
}

int remove(const char* path) noexcept {
  static const auto next = real<int(const char*)>("remove");
  return pass("unlink", path, [&] { return next(path); });
}

int unlinkat(int folder, const char* path, int flags) noexcept {
  static const auto next = real<int(int, const char*, int)>("unlinkat");
  return pass("unlink", path_at(folder, path), [&] { return next(folder, path, flags); });
}

int stat(const char* path, struct stat* to) noexcept {
  static const auto next = real<int(const char*, struct stat*)>("stat");
  return pass("stat", path, [&] { return next(path, to); });
}

int lstat(const char* path, struct stat* to) noexcept {
  static const auto next = real<int(const char*, struct stat*)>("lstat");
  return pass("stat", path, [&] { return next(path, to); });
}

int fstat(int file, struct stat* to) noexcept {
  static const auto next = real<int(int, struct stat*)>("fstat");
  return pass("stat", path_of(file), [&] { return next(file, to); });
}

DIR* opendir(const char* path) {
  static const auto next = real<DIR*(const char*)>("opendir");
  return pass("opendir", path, [&] { return next(path); });
}

DIR* fdopendir(int file) {
  static const auto next = real<DIR*(int)>("fdopendir");
  return pass("opendir", path_of(file), [&] { return next(file); });
}

struct dirent* readdir(DIR* folder) {
  static const auto next = real<struct dirent*(DIR*)>("readdir");
  return pass("readdir", path_of(dirfd(folder)), [&] { return next(folder); });
}

int closedir(DIR* folder) {
  static const auto next = real<int(DIR*)>("closedir");
  {
    const std::lock_guard lock(mutex);
    open_files.erase(dirfd(folder));
  }
  return next(folder);
}

}  // extern "C"
