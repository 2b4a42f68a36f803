#pragma once

#include "data/byte_reader.hpp"
#include "data/stored_array.hpp"

#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// What stands at the start of an array in NumPy's format: "\x93NUMPY", the version 1, 2 or 3, the length of the text,
/// and the text of a Python dictionary with descr, fortran_order and shape.
struct NpyHeader {
  ElementFormat format;
  std::vector<Index> sizes;
  Index bytes = 0;  ///< of the header
};

/// Reads the header. Throws Error (data) naming `place` if it is another file's, damaged or longer than 64 KiB, or if
/// the elements are in Fortran's order, big-endian, Python objects or records.
NpyHeader read_npy_header(ByteReader& reader, const std::string& place);

/// An array in NumPy's format.
class NpyArray final : public StoredArray {
 public:
  using Open = std::function<std::unique_ptr<ByteReader>()>;

  /// Reads the header and checks it against the length of the content. Throws Error (data) naming `place`.
  NpyArray(const std::string& place, const Open& open);

  [[nodiscard]] std::vector<std::uint8_t> read(std::span<const Index> rows) const override;

 private:
  NpyArray(const std::string& place, Open open, const std::unique_ptr<ByteReader>& reader);
  NpyArray(const std::string& place, Open open, ByteReader& reader, const NpyHeader& header);

  Open open_;
  Index header_bytes_;
};

}  // namespace sibp
