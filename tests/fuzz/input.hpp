#pragma once

#include "sibp/core/error.hpp"

#include "fuzz/targets.hpp"

#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <optional>
#include <stdexcept>
#include <string>
#include <type_traits>

#include <sys/mman.h>
#include <unistd.h>

namespace sibp::fuzz {

/// A file in memory, under a name that readers can open.
class InputFile {
 public:
  /// `content` from byte `place` on in a file of `size` bytes, zeros elsewhere.
  InputFile(Bytes content, std::size_t place, std::size_t size) : file_(::memfd_create("input", MFD_CLOEXEC)) {
    const bool written =
        file_ >= 0 && ::pwrite(file_, content.data(), content.size(), static_cast<off_t>(place)) == std::ssize(content);
    if (!written || ::ftruncate(file_, static_cast<off_t>(size)) != 0) throw std::runtime_error("no file in memory");
  }
  explicit InputFile(Bytes content) : InputFile(content, 0, content.size()) {}
  InputFile(const InputFile&) = delete;
  InputFile& operator=(const InputFile&) = delete;
  ~InputFile() { ::close(file_); }

  [[nodiscard]] std::filesystem::path path() const { return "/proc/self/fd/" + std::to_string(file_); }

 private:
  int file_;
};

inline Bytes bytes_of(std::string_view text) {
  return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

inline std::string text_of(Bytes bytes) {
  return {bytes.begin(), bytes.end()};
}

/// What `read` returns, or nothing if it refused its input by an Error of `status`.
template <class Read>
std::optional<std::invoke_result_t<Read>> unless_refused(ExitStatus status, Read&& read) {
  try {
    return read();
  } catch (const Error& error) {
    if (error.status() != status || *error.what() == '\0') throw;
    return std::nullopt;
  }
}

/// A property that must hold whatever the input is.
inline void check(bool holds, const char* property) {
  if (holds) return;
  std::fprintf(stderr, "broken: %s\n", property);
  std::abort();
}

}  // namespace sibp::fuzz
