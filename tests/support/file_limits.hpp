#pragma once

// File systems that run out of room, or may not be written to.

#include <cerrno>
#include <csignal>
#include <filesystem>

#include <sys/mount.h>
#include <sys/resource.h>
#include <unistd.h>

namespace sibp::testing_support {

/// Limits the size of files that this process writes, for a while.
class FileSizeLimit {
 public:
  explicit FileSizeLimit(rlim_t bytes) : handler_(std::signal(SIGXFSZ, SIG_IGN)) {
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit limit{bytes, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &limit);
  }
  FileSizeLimit(const FileSizeLimit&) = delete;
  FileSizeLimit& operator=(const FileSizeLimit&) = delete;
  ~FileSizeLimit() {
    setrlimit(RLIMIT_FSIZE, &before_);
    std::signal(SIGXFSZ, handler_);
  }

 private:
  rlimit before_{};
  void (*handler_)(int);
};

/// Lets this process open no more files, for a while.
class NoMoreFiles {
 public:
  NoMoreFiles() {
    getrlimit(RLIMIT_NOFILE, &before_);
    const int next = dup(0);
    close(next);
    const rlimit limit{static_cast<rlim_t>(next), before_.rlim_max};
    setrlimit(RLIMIT_NOFILE, &limit);
  }
  NoMoreFiles(const NoMoreFiles&) = delete;
  NoMoreFiles& operator=(const NoMoreFiles&) = delete;
  ~NoMoreFiles() { setrlimit(RLIMIT_NOFILE, &before_); }

 private:
  rlimit before_{};
};

/// A small file system in a folder of this name, for a while.
class SmallDisk {
 public:
  explicit SmallDisk(std::filesystem::path folder, const char* options = "size=64k") : folder_(std::move(folder)) {
    std::filesystem::create_directory(folder_);
    reason_ = mount("tmpfs", folder_.c_str(), "tmpfs", 0, options) == 0 ? 0 : errno;
  }
  SmallDisk(const SmallDisk&) = delete;
  SmallDisk& operator=(const SmallDisk&) = delete;
  ~SmallDisk() {
    if (reason_ == 0) umount2(folder_.c_str(), MNT_DETACH);
  }
  /// 0, or the errno that says why there is none.
  [[nodiscard]] int reason() const { return reason_; }
  /// Nothing can be written from now on.
  void make_read_only() const { mount(nullptr, folder_.c_str(), nullptr, MS_REMOUNT | MS_RDONLY, nullptr); }

 private:
  std::filesystem::path folder_;
  int reason_;
};

}  // namespace sibp::testing_support
