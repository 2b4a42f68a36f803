#pragma once

#include <optional>
#include <string_view>
#include <vector>

namespace sibp {

/// A network that has a name.
struct NamedNetwork {
  std::string_view name;
  std::string_view layers;  ///< in the layer language
};

const std::vector<NamedNetwork>& named_networks();

/// The layers of the network of that name, or nothing. Local.
std::optional<std::string_view> layers_of_network(std::string_view name);

}  // namespace sibp
