#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace sibp {

/// The SHA-256 digest in 64 hexadecimal digits, lower case. Local.
std::string sha256(std::string_view bytes);

/// The same of a file's content. Local. Throws std::system_error naming the file if it cannot be read.
std::string sha256_of_file(const std::filesystem::path& path);
/// The same of `bytes` bytes of it from byte `begin` on, or of as many as there are.
std::string sha256_of_part(const std::filesystem::path& path, std::uintmax_t begin, std::uintmax_t bytes);

}  // namespace sibp
