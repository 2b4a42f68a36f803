#include "sibp/core/printable.hpp"

namespace sibp {
namespace {

constexpr unsigned char first_printable = 0x20;
constexpr unsigned char erase = 0x7f;
// U+0080 to U+009F are 0xC2 and one of these. Terminals know them as escapes too.
constexpr unsigned char lead_of_controls = 0xc2;
constexpr unsigned char end_of_controls = 0xa0;

}  // namespace

std::string printable(std::string_view text) {
  std::string shown;
  for (std::size_t k = 0; k < text.size(); ++k) {
    const auto byte = static_cast<unsigned char>(text[k]);
    const unsigned char next = k + 1 < text.size() ? static_cast<unsigned char>(text[k + 1]) : 0;
    if (byte == lead_of_controls && next >= 0x80 && next < end_of_controls) {
      shown += '?';
      ++k;
    } else if ((byte < first_printable && byte != '\n' && byte != '\t') || byte == erase) {
      shown += '?';
    } else {
      shown += text[k];
    }
  }
  return shown;
}

}  // namespace sibp
