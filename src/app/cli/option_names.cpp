#include "app/cli/option_names.hpp"

#include "app/cli/option_table.hpp"

#include <algorithm>

namespace sibp {

std::string named_by_options(const std::string& message) {
  std::string text;
  std::size_t place = 0;
  while (true) {
    const std::size_t opening = message.find('`', place);
    const std::size_t closing = opening == std::string::npos ? opening : message.find('`', opening + 1);
    if (closing == std::string::npos) return text.append(message, place);
    std::string name = message.substr(opening + 1, closing - opening - 1);
    std::ranges::replace(name, '_', '-');
    if (find_option(name) == nullptr) {
      text.append(message, place, closing - place);  // which may be the opening one of a name
      place = closing;
    } else {
      text.append(message, place, opening - place).append("--").append(name);
      place = closing + 1;
    }
  }
}

}  // namespace sibp
