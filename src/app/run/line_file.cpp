#include "sibp/app/run/run_folder.hpp"
#include "sibp/core/error.hpp"

#include <system_error>
#include <utility>

#include <fcntl.h>
#include <fmt/format.h>

namespace sibp {
LineFile::LineFile(std::filesystem::path path) : LineFile(std::move(path), O_EXCL, 0) {
}

LineFile::LineFile(std::filesystem::path path, std::int64_t bytes) : LineFile(std::move(path), 0, bytes) {
}

LineFile::LineFile(std::filesystem::path path, int flags, std::int64_t bytes)
    // O_NONBLOCK: a pipe that nobody reads would be waited for; a file does not know it.
    : path_(std::move(path)), file_(path_, flags | O_WRONLY | O_CREAT | O_APPEND | O_NONBLOCK) {
  check(file_.open_error());
  std::int64_t before = 0;
  check(file_.size(before));
  if (before > bytes) check(file_.cut(bytes));
}

void LineFile::check(int reason) const {
  if (reason != 0)
    throw Error(ExitStatus::runtime, fmt::format("cannot write {}: {}; make room or choose another folder with --out",
                                                 path_.string(), std::system_category().message(reason)));
}

void LineFile::append_line(std::string_view line) {
  std::int64_t before = 0;
  check(file_.size(before));
  const int reason = file_.write(std::string(line) + '\n');
  if (reason == 0) return;
  // A part of the line may have found room. Without its line break it would not pass for a whole line even if it
  // stayed.
  check(file_.cut(before));
  check(reason);
}

std::int64_t LineFile::flush() {
  std::int64_t bytes = 0;
  check(file_.flush());
  check(file_.size(bytes));
  return bytes;
}

}  // namespace sibp
