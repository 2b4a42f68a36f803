#include "sibp/core/file.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/open_file.hpp"

#include <array>
#include <cerrno>
#include <system_error>

#include <fcntl.h>
#include <unistd.h>

namespace sibp {
namespace {

[[noreturn]] void throw_write_error(const std::filesystem::path& path, int reason) {
  throw Error(ExitStatus::runtime, "cannot write " + path.string() + ": " + std::system_category().message(reason) +
                                       "; make room or choose another place");
}

/// Makes the name of a renamed file last, as far as the system can promise it.
void flush_folder_of(const std::filesystem::path& path) {
  OpenFile folder(path.has_parent_path() ? path.parent_path() : std::filesystem::path("."), O_RDONLY | O_DIRECTORY);
  if (folder.open_error() == 0) folder.flush();
}

/// Writes and flushes all of `content`; returns 0 or the errno of the call that failed.
int write_to(const std::filesystem::path& path, int flags, std::string_view content) {
  OpenFile file(path, flags | O_WRONLY);
  if (file.open_error() != 0) return file.open_error();
  int reason = file.write(content);
  if (reason == 0) reason = file.flush();
  if (reason == EINVAL || reason == ENOTSUP) reason = 0;  // pipes and devices have nothing to flush
  const int closing = file.close();
  return reason != 0 ? reason : closing;
}

}  // namespace

void write_file_whole(const std::filesystem::path& path, std::string_view content) {
  std::error_code unknown;
  // Asked once: where the system answered the second question alone with an error, a file would pass for a pipe.
  const std::filesystem::file_status there = std::filesystem::status(path, unknown);
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
    // A pipe or a device is not to be replaced by a file.
    if (const int reason = write_to(path, 0, content); reason != 0) throw_write_error(path, reason);
    return;
  }
  const std::filesystem::path temporary = path.string() + ".partial-" + std::to_string(::getpid());
  ::unlink(temporary.c_str());  // of a process that was killed and had the same number, as in containers
  int reason = write_to(temporary, O_CREAT | O_EXCL, content);
  if (reason == 0 && ::rename(temporary.c_str(), path.c_str()) != 0) reason = errno;
  if (reason != 0) {
    if (reason != EEXIST) ::unlink(temporary.c_str());
    throw_write_error(path, reason);
  }
  flush_folder_of(path);
}

std::string read_file(const std::filesystem::path& path, std::uintmax_t largest) {
  const auto check = [&](int reason) {
    if (reason != 0) throw std::system_error(reason, std::system_category(), "cannot read " + path.string());
  };
  std::error_code unknown;
  const std::filesystem::file_status there = std::filesystem::status(path, unknown);
  if (there.type() == std::filesystem::file_type::none) check(unknown.value());
  if (std::filesystem::exists(there) && !std::filesystem::is_regular_file(there)) {
    const int reason = std::filesystem::is_directory(there) ? EISDIR : EINVAL;  // a pipe may never end
    throw std::system_error(reason, std::system_category(),
                            "cannot read " + path.string() + ", which is no regular file");
  }
  OpenFile file(path, O_RDONLY);
  check(file.open_error());
  std::string content;
  std::array<char, 1U << 16U> part{};
  for (std::size_t count = part.size(); count == part.size();) {
    check(file.read(part.data(), part.size(), count));  // a folder can be opened, but not read
    content.append(part.data(), count);
    if (content.size() > largest)
      throw std::system_error(
          EFBIG, std::system_category(),
          "cannot read " + path.string() + ", which has more than " + std::to_string(largest) + " bytes");
  }
  return content;
}

bool is_there(const std::filesystem::path& path) {
  std::error_code reason;
  const std::filesystem::file_status found = std::filesystem::status(path, reason);
  if (found.type() == std::filesystem::file_type::none)
    throw Error(ExitStatus::runtime, "cannot tell whether " + path.string() + " exists: " + reason.message() +
                                         "; try again when the file system answers");
  return std::filesystem::exists(found);
}

}  // namespace sibp
