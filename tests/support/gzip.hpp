#pragma once

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

}  // namespace sibp::testing_support
