#include "sibp/comm/sum_options.hpp"

namespace sibp {

std::string_view name_of(Sums sums) {
  switch (sums) {
    case Sums::automatic:
      return "auto";
    case Sums::measured:
      return "measure";
    case Sums::shared:
      return "shared";
    case Sums::library:
      return "library";
    case Sums::exact:
      return "exact";
  }
  return "";
}

std::string_view name_of(Wire wire) {
  switch (wire) {
    case Wire::float32:
      return "float32";
    case Wire::bfloat16:
      return "bfloat16";
  }
  return "";
}

}  // namespace sibp
