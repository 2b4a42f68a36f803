#pragma once

#include "sibp/model/network.hpp"

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// The bytes [begin, end) of a file of tensors, as copies in host memory. Tensors are kept column-major, as they are on
/// the device, which takes least time, and are put into the order of the file block by block. All functions are Local.
class FilePart {
 public:
  FilePart(std::uint64_t begin, std::uint64_t end) : begin_(begin), end_(end) {}

  [[nodiscard]] std::uint64_t begin() const { return begin_; }
  [[nodiscard]] std::uint64_t end() const { return end_; }

  /// Takes what this part holds of bytes, or of a tensor, whose first byte is at `place` of the file. Returns false if
  /// a number in it is not finite.
  void add(std::uint64_t place, std::string_view bytes);
  [[nodiscard]] bool add(std::uint64_t place, const TensorView& tensor, Device& device);

  /// The bytes of the file from `begin` on. All of them are in this part.
  [[nodiscard]] std::string block(std::uint64_t begin, std::uint64_t bytes) const;

 private:
  struct Bytes {
    std::uint64_t place;
    std::string content;
  };
  struct Rows {
    std::uint64_t place;
    Index rows;
    Index cols;
    std::vector<Real> values;
  };

  static void fill(std::string& block, std::uint64_t begin, const Bytes& bytes);
  static void fill(std::string& block, std::uint64_t begin, const Rows& rows);

  std::uint64_t begin_;
  std::uint64_t end_;
  std::vector<Bytes> bytes_;
  std::vector<Rows> rows_;
};

}  // namespace sibp
