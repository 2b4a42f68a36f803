#pragma once

#include "sibp/core/types.hpp"

#include "support/gzip.hpp"

#include <cstdint>
#include <initializer_list>
#include <string>
#include <string_view>

namespace sibp::testing_support {

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
