#pragma once

#include <cstdint>
#include <filesystem>
#include <limits>
#include <string>
#include <string_view>

namespace sibp {

/// Writes `content` so that `path` holds either what it held before or all of `content`, never a part: a temporary file
/// beside it is written, flushed to the disk and renamed. Local.
/// Throws Error (runtime) naming the path and the system's reason (no space, no permission); the temporary file is
/// removed. A path that is no regular file, such as a pipe or a device, is written to as it is.
void write_file_whole(const std::filesystem::path& path, std::string_view content);

/// The whole of a file. Local. Throws std::system_error naming the path if it cannot be read, is no regular file or has
/// more than `largest` bytes.
std::string read_file(const std::filesystem::path& path,
                      std::uintmax_t largest = std::numeric_limits<std::uintmax_t>::max());

/// Whether something of that name is there. Local. Throws Error (runtime) naming it if the system cannot tell, as where
/// a network file system does not answer: that is no absence.
bool is_there(const std::filesystem::path& path);

}  // namespace sibp
