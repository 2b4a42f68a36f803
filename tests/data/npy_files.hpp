#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <filesystem>
#include <map>
#include <stdexcept>
#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>
#include <zip.h>

namespace sibp::testing_support {

/// The header of a .npy file of version 1 with this dictionary, padded as NumPy does.
inline std::string npy_header(std::string dictionary) {
  constexpr std::size_t before = 10;
  dictionary.append(63 - (before + dictionary.size()) % 64, ' ');
  dictionary += '\n';
  return std::string("\x93NUMPY\x01\x00", 8) + static_cast<char>(dictionary.size() % 256) +
         static_cast<char>(dictionary.size() / 256) + dictionary;
}

/// A .npy file of an array with this descr, such as <f4, and these sizes, such as "3, 2".
template <class T>
std::string npy(std::string_view descr, std::string_view sizes, const std::vector<T>& elements) {
  return npy_header(fmt::format("{{'descr': '{}', 'fortran_order': False, 'shape': ({},), }}", descr, sizes)) +
         std::string(reinterpret_cast<const char*>(elements.data()), elements.size() * sizeof(T));
}

/// Writes a ZIP file of these entries, deflated or stored.
inline void write_zip(const std::filesystem::path& path, const std::map<std::string, std::string>& entries,
                      bool deflated) {
  zip_t* archive = zip_open(path.c_str(), ZIP_CREATE | ZIP_TRUNCATE, nullptr);
  if (archive == nullptr) throw std::runtime_error("cannot write " + path.string());
  for (const auto& [name, content] : entries) {
    zip_source_t* source = zip_source_buffer(archive, content.data(), content.size(), 0);
    const zip_int64_t index = zip_file_add(archive, name.c_str(), source, ZIP_FL_OVERWRITE);
    zip_set_file_compression(archive, static_cast<zip_uint64_t>(index), deflated ? ZIP_CM_DEFLATE : ZIP_CM_STORE, 0);
  }
  if (zip_close(archive) != 0) throw std::runtime_error("cannot write " + path.string());
}

}  // namespace sibp::testing_support
