#pragma once

#include "sibp/core/types.hpp"

#include <cstdint>
#include <span>
#include <string>
#include <vector>

namespace sibp {

/// The type of an array's elements: 'u' (unsigned), 'i' (signed), 'f' (floating point) or another letter of NumPy's,
/// and bytes of each.
struct ElementFormat {
  char kind = 'u';
  Index bytes = 1;

  friend bool operator==(const ElementFormat&, const ElementFormat&) = default;
};

/// "uint8", "float32" and so on; for what NumPy has and this program has not, a word for it.
std::string to_text(const ElementFormat& format);

/// "60000 x 28 x 28".
std::string sizes_text(std::span<const Index> sizes);

/// An array in a file. Row j is what has index j in the first dimension; its elements follow each other in the file's
/// order, the last dimension fastest.
class StoredArray {
 public:
  /// `place` names file and array in messages. Throws Error (data) unless there are one to four sizes, all of at least
  /// 1, of an array that a file can hold.
  StoredArray(std::string place, const ElementFormat& format, std::vector<Index> sizes);
  StoredArray(const StoredArray&) = delete;
  StoredArray& operator=(const StoredArray&) = delete;
  virtual ~StoredArray() = default;

  [[nodiscard]] const std::string& place() const { return place_; }
  [[nodiscard]] const ElementFormat& format() const { return format_; }
  [[nodiscard]] const std::vector<Index>& sizes() const { return sizes_; }  ///< rows first
  [[nodiscard]] Index rows() const { return sizes_.front(); }
  [[nodiscard]] Index row_bytes() const { return row_bytes_; }

  /// The bytes of these rows, which ascend strictly, in this machine's byte order. Local: only they are kept in memory,
  /// and where the file lets one pass over rows only they are read. Throws Error (data) if the file is damaged.
  [[nodiscard]] virtual std::vector<std::uint8_t> read(std::span<const Index> rows) const = 0;

 private:
  std::string place_;
  ElementFormat format_;
  std::vector<Index> sizes_;
  Index row_bytes_ = 0;
};

}  // namespace sibp
