#include "trainer/file_part.hpp"

#include "sibp/core/finite.hpp"

#include <algorithm>
#include <cstring>
#include <utility>

namespace sibp {
namespace {

/// What is in both [begin, end) and the `bytes` bytes from `place` on.
struct Overlap {
  Overlap(std::uint64_t begin_, std::uint64_t end_, std::uint64_t place, std::uint64_t bytes)
      : begin(std::max(begin_, place)), end(std::max(begin, std::min(end_, place + bytes))) {}
  [[nodiscard]] bool empty() const { return begin == end; }
  std::uint64_t begin;
  std::uint64_t end;
};

}  // namespace

void FilePart::add(std::uint64_t place, std::string_view bytes) {
  const Overlap both(begin_, end_, place, bytes.size());
  if (!both.empty())
    bytes_.push_back({both.begin, std::string(bytes.substr(both.begin - place, both.end - both.begin))});
}

bool FilePart::add(std::uint64_t place, const TensorView& tensor, Device& device) {
  const Index cols = tensor.matrix.cols;
  const std::uint64_t row_bytes = static_cast<std::uint64_t>(cols) * sizeof(Real);
  const Overlap both(begin_, end_, place, static_cast<std::uint64_t>(tensor.matrix.rows) * row_bytes);
  if (both.empty()) return true;
  const auto first = static_cast<Index>((both.begin - place) / row_bytes);
  const auto last = static_cast<Index>((both.end - place + row_bytes - 1) / row_bytes);
  std::vector<Real> values(static_cast<std::size_t>((last - first) * cols));
  device.download(tensor.matrix.block(first, 0, last - first, cols), values);
  const bool is_finite = all_finite(values);
  rows_.push_back({place + static_cast<std::uint64_t>(first) * row_bytes, last - first, cols, std::move(values)});
  return is_finite;
}

std::string FilePart::block(std::uint64_t begin, std::uint64_t bytes) const {
  std::string block(bytes, '\0');
  for (const Bytes& part : bytes_) fill(block, begin, part);
  for (const Rows& part : rows_) fill(block, begin, part);
  return block;
}

void FilePart::fill(std::string& block, std::uint64_t begin, const Bytes& bytes) {
  const Overlap both(begin, begin + block.size(), bytes.place, bytes.content.size());
  if (both.empty()) return;
  std::memcpy(block.data() + (both.begin - begin), bytes.content.data() + (both.begin - bytes.place),
              both.end - both.begin);
}

void FilePart::fill(std::string& block, std::uint64_t begin, const Rows& rows) {
  const Overlap both(begin, begin + block.size(), rows.place, rows.values.size() * sizeof(Real));
  if (both.empty()) return;
  char* to = block.data() + (both.begin - begin);
  const auto first = static_cast<Index>((both.begin - rows.place) / sizeof(Real));
  const auto last = static_cast<Index>((both.end - rows.place) / sizeof(Real));
  Index r = first / rows.cols;
  Index c = first % rows.cols;
  for (Index k = first; k < last; ++k, to += sizeof(Real)) {
    std::memcpy(to, &rows.values[static_cast<std::size_t>(r + c * rows.rows)], sizeof(Real));
    if (++c == rows.cols) {
      c = 0;
      ++r;
    }
  }
}

}  // namespace sibp
