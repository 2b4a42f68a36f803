// The text in the header of a .npy file: a dictionary of Python with three known keys.
#include "sibp/core/error.hpp"
#include "sibp/core/printable.hpp"

#include "data/npy.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <optional>
#include <string_view>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr std::string_view npy_magic = "\x93NUMPY";
constexpr Index longest_header = 1 << 16;
constexpr std::string_view numbers = "uifcb";  // kinds of elements, of which some are refused later

[[noreturn]] void refuse_npy(const std::string& place, std::string_view problem) {
  throw_data_error(fmt::format("{} {}", place, problem));
}

/// Reads the dictionary from left to right; anything else than NumPy writes is refused.
class NpyText {
 public:
  NpyText(std::string_view text, const std::string& place) : rest_(text), place_(place) {}

  NpyHeader parse() {
    expect('{');
    while (!take('}')) {
      const std::string_view key = quoted();
      expect(':');
      if (key == "descr") {
        header_.format = descr();
      } else if (key == "fortran_order") {
        check_order();
      } else if (key == "shape") {
        header_.sizes = shape();
      } else {
        damaged();
      }
      ++keys_;
      if (!take(',') && !next_is('}')) damaged();
    }
    skip_blanks();
    if (!rest_.empty() || keys_ != 3 || header_.format.bytes == 0) damaged();
    return header_;
  }

 private:
  [[noreturn]] void damaged() const {
    refuse_npy(place_,
               "is damaged: its header is none that NumPy writes, {'descr': '<f4', 'fortran_order': False, "
               "'shape': (3, 4), }; write it again with numpy.save");
  }

  void skip_blanks() { rest_.remove_prefix(std::min(rest_.find_first_not_of(" \n"), rest_.size())); }
  bool next_is(char c) {
    skip_blanks();
    return !rest_.empty() && rest_.front() == c;
  }
  bool take(char c) {
    if (!next_is(c)) return false;
    rest_.remove_prefix(1);
    return true;
  }
  void expect(char c) {
    if (!take(c)) damaged();
  }
  bool take_word(std::string_view word) {
    skip_blanks();
    if (!rest_.starts_with(word)) return false;
    rest_.remove_prefix(word.size());
    return true;
  }

  std::string_view quoted() {
    const char quote = next_is('"') ? '"' : '\'';
    expect(quote);
    const std::size_t end = rest_.find(quote);
    if (end == std::string_view::npos) damaged();
    const std::string_view text = rest_.substr(0, end);
    rest_.remove_prefix(end + 1);
    return text;
  }

  /// Byte order, kind and size, such as <f4 or |u1.
  ElementFormat descr() {
    if (next_is('[')) refuse_npy(place_, "has records of several fields, expected elements of one number; split them");
    const std::string_view text = quoted();
    ElementFormat format{text.size() < 2 ? '?' : text[1], 0};
    if (text.size() >= 2 && numbers.find(format.kind) == std::string_view::npos) {
      refuse_npy(place_, fmt::format("has elements that are {}, expected numbers; convert it (in NumPy: "
                                     "x.astype('float32'))",
                                     to_text(format)));
    }
    const char* end = text.data() + text.size();
    if (text.size() < 3 || std::from_chars(text.data() + 2, end, format.bytes).ptr == text.data() + 2 ||
        format.bytes < 1 || format.bytes > longest_header)
      damaged();
    if (text[0] == '>' && format.bytes > 1) {
      refuse_npy(place_, fmt::format("has big-endian elements, {}, expected little-endian ones; convert it (in NumPy: "
                                     "x.astype('<{}'))",
                                     printable(text), printable(text.substr(1))));
    }
    return format;
  }

  void check_order() {
    if (take_word("False")) return;
    if (!take_word("True")) damaged();
    refuse_npy(place_,
               "is in Fortran's order, expected C's, with the elements of a sample one behind the other; "
               "convert it (numpy.ascontiguousarray)");
  }

  std::vector<Index> shape() {
    std::vector<Index> sizes;
    expect('(');
    while (!take(')')) {
      skip_blanks();
      Index size = 0;
      const auto [end, error] = std::from_chars(rest_.data(), rest_.data() + rest_.size(), size);
      if (error != std::errc() || size < 0) damaged();
      rest_.remove_prefix(static_cast<std::size_t>(end - rest_.data()));
      sizes.push_back(size);
      if (!take(',') && !next_is(')')) damaged();
    }
    return sizes;
  }

  std::string_view rest_;
  const std::string& place_;
  NpyHeader header_{.format = {'u', 0}, .sizes = {}, .bytes = 0};
  int keys_ = 0;
};

Index little_endian(std::span<const std::uint8_t> bytes) {
  Index value = 0;
  for (std::size_t k = bytes.size(); k-- > 0;) value = (value << 8) | Index(bytes[k]);
  return value;
}

}  // namespace

NpyHeader read_npy_header(ByteReader& reader, const std::string& place) {
  std::array<std::uint8_t, 8> start{};
  reader.read(start);
  const bool is_npy = std::ranges::equal(npy_magic, std::span(start).first(npy_magic.size()),
                                         [](char a, std::uint8_t b) { return static_cast<std::uint8_t>(a) == b; });
  if (!is_npy) refuse_npy(place, "is no array of NumPy: it does not begin with \\x93NUMPY; write it with numpy.save");
  const int version = start[6];
  if (version < 1 || version > 3)
    refuse_npy(place, fmt::format("has version {} of NumPy's format, expected 1, 2 or 3", version));
  std::array<std::uint8_t, 4> length{};
  const auto length_bytes = std::span(length).first(version == 1 ? 2 : 4);
  reader.read(length_bytes);
  const Index text_bytes = little_endian(length_bytes);
  if (text_bytes > longest_header) {
    refuse_npy(place, fmt::format("is damaged: its header is {} bytes long, expected at most {}; write it again",
                                  text_bytes, longest_header));
  }
  std::vector<std::uint8_t> text;
  reader.append(text_bytes, text);
  NpyHeader header = NpyText({reinterpret_cast<const char*>(text.data()), text.size()}, place).parse();
  header.bytes = std::ssize(start) + std::ssize(length_bytes) + text_bytes;
  return header;
}

}  // namespace sibp
