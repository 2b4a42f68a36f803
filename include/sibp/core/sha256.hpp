#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace sibp {

/// The SHA-256 digest in 64 hexadecimal digits, lower case. Local.
std::string sha256(std::string_view bytes);

/// The same of a file's content. Local. Throws std::system_error naming the file if it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);

}  // namespace sibp
