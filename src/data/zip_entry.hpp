#pragma once

#include "data/byte_reader.hpp"

#include <filesystem>
#include <memory>
#include <string>

namespace sibp {

/// The content of the entry `name` of a ZIP file, stored or deflated. In a stored entry long stretches are passed over
/// by seeking; the checksum is tested where all bytes were read. Throws Error (data) naming the file if it is no ZIP
/// file, is damaged, or has no such entry.
std::unique_ptr<ByteReader> open_zip_entry(const std::filesystem::path& archive, const std::string& name);

}  // namespace sibp
