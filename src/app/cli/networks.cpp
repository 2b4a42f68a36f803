// The networks that --network knows by name.
#include "app/cli/networks.hpp"

#include <algorithm>

namespace sibp {

const std::vector<NamedNetwork>& named_networks() {
  static const std::vector<NamedNetwork> networks{
      // For pictures of 28 × 28.
      {"fashion-small",
       "conv(16,3) norm relu maxpool(2) conv(32,3) norm relu conv(32,3) norm relu maxpool(2) conv(64,3) norm relu "
       "meanpool dense(10)"},
      // For pictures of 32 × 32, as all that follow.
      {"cifar10-small",
       "conv(32,3) norm relu conv(32,3) norm relu maxpool(2) conv(64,3) norm relu conv(64,3) norm relu maxpool(2) "
       "conv(128,3) norm relu conv(128,3) norm relu meanpool dense(10)"},
      // The shapes of the network that holds the speed records to 94 % on CIFAR-10 (Jordan 2024), whose norms learn
      // their shift alone.
      {"cifar10-94",
       "conv(24,2,padding=0) gelu conv(64,3) maxpool(2) norm(scale=fixed) gelu conv(64,3) norm(scale=fixed) gelu "
       "conv(256,3) maxpool(2) norm(scale=fixed) gelu conv(256,3) norm(scale=fixed) gelu "
       "conv(256,3) maxpool(2) norm(scale=fixed) gelu conv(256,3) norm(scale=fixed) gelu maxpool(3) dense(10)"},
      // He et al. 2015 with 18 layers, as it is used on CIFAR-10: the first convolution has stride 1, and no pool
      // follows.
      {"resnet18",
       "conv(64,3) norm relu "
       "residual( conv(64,3) norm relu conv(64,3) norm ) relu residual( conv(64,3) norm relu conv(64,3) norm ) relu "
       "residual( conv(128,3,stride=2) norm relu conv(128,3) norm ) relu "
       "residual( conv(128,3) norm relu conv(128,3) norm ) relu "
       "residual( conv(256,3,stride=2) norm relu conv(256,3) norm ) relu "
       "residual( conv(256,3) norm relu conv(256,3) norm ) relu "
       "residual( conv(512,3,stride=2) norm relu conv(512,3) norm ) relu "
       "residual( conv(512,3) norm relu conv(512,3) norm ) relu meanpool dense(10)"},
  };
  return networks;
}

std::optional<std::string_view> layers_of_network(std::string_view name) {
  const auto& networks = named_networks();
  const auto found = std::ranges::find(networks, name, &NamedNetwork::name);
  return found == networks.end() ? std::nullopt : std::optional(found->layers);
}

}  // namespace sibp
