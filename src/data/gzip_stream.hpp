#pragma once

#include "sibp/core/types.hpp"

#include <array>
#include <cstdint>
#include <filesystem>
#include <fstream>
#include <span>
#include <vector>

#include <zlib.h>

namespace sibp {

/// How every gzip file begins.
inline constexpr std::array<std::uint8_t, 2> gzip_magic{0x1f, 0x8b};

/// Reads up to to.size() bytes; fewer only at the end of the file. Throws Error (data) if the system reports an error.
std::size_t read_bytes(std::ifstream& file, std::span<std::uint8_t> to, const std::filesystem::path& path);

/// Unpacks a gzip file of one or several members. zlib's own file functions are not used: they pass over a cut or
/// garbage at the end in silence.
class GzipStream {
 public:
  GzipStream(std::filesystem::path path, std::ifstream file);
  GzipStream(const GzipStream&) = delete;
  GzipStream& operator=(const GzipStream&) = delete;
  ~GzipStream();

  /// Unpacks up to to.size() > 0 bytes; 0 only at the end of the last member, when its checksum was right and nothing
  /// follows. Throws Error (data) if the file is cut short, damaged or followed by something else.
  std::size_t read_some(std::span<std::uint8_t> to);

 private:
  bool refill();
  void start_next_member();
  void check(int result) const;

  std::filesystem::path path_;
  std::ifstream file_;
  std::vector<std::uint8_t> packed_;
  z_stream inflater_{};
  Index bytes_read_ = 0;  ///< of the file
  bool ended_ = false;
};

}  // namespace sibp
