#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

#include <zlib.h>

namespace sibp::testing_support {

/// `content` as a gzip file of one member.
inline std::string gzip(std::string_view content) {
  z_stream packer{};
  deflateInit2(&packer, Z_BEST_COMPRESSION, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  std::string packed(deflateBound(&packer, content.size()), '\0');
  std::string input(content);
  packer.next_in = reinterpret_cast<Bytef*>(input.data());
  packer.avail_in = static_cast<uInt>(input.size());
  packer.next_out = reinterpret_cast<Bytef*>(packed.data());
  packer.avail_out = static_cast<uInt>(packed.size());
  deflate(&packer, Z_FINISH);
  packed.resize(packer.total_out);
  deflateEnd(&packer);
  return packed;
}

/// The header of an IDX file of bytes.
inline std::string idx_header(std::initializer_list<std::uint32_t> sizes) {
  std::string bytes{'\0', '\0', '\x08', static_cast<char>(sizes.size())};
  for (const std::uint32_t size : sizes) {
    for (const unsigned shift : {24U, 16U, 8U, 0U}) bytes += static_cast<char>(size >> shift);
  }
  return bytes;
}

/// Pixel i of sample j of the images below.
inline std::uint8_t pixel_of(Index j, Index i) {
  return static_cast<std::uint8_t>((j * 131 + i * 17 + j * i) % 251);
}

/// `samples` images of 3 × 2 pixels.
inline std::string idx_images(std::uint32_t samples) {
  std::string bytes = idx_header({samples, 3, 2});
  for (Index j = 0; j < samples; ++j) {
    for (Index i = 0; i < 6; ++i) bytes += static_cast<char>(pixel_of(j, i));
  }
  return bytes;
}

/// Labels j mod `classes`.
inline std::string idx_labels(std::uint32_t samples, int classes = 10) {
  std::string bytes = idx_header({samples});
  for (std::uint32_t j = 0; j < samples; ++j) bytes += static_cast<char>(static_cast<int>(j) % classes);
  return bytes;
}

}  // namespace sibp::testing_support
