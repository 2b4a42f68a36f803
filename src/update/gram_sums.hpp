#pragma once

#include "sibp/comm/fused_sums.hpp"
#include "sibp/update/update_rule.hpp"

#include <array>
#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// Where the packed triangle of one system travels.
struct GramPlace {
  FusedSums& sums;
  std::size_t place = 0;  ///< in them
};

/// The sums over ranks of the packed triangles of the maps' systems. Those of convolutions travel apart from those of
/// dense layers, as they may be due at other steps: a message goes when its last triangle is ready.
class GramSums {
 public:
  /// `orders` has n of the n × n system of each map, in the order in which they will be ready; 0: it has none.
  /// Collective.
  GramSums(const UpdateContext& context, std::span<const MapShape> maps, std::span<const Index> orders);

  /// That of the k-th map, which has one. Local.
  [[nodiscard]] GramPlace of(std::size_t map) const;

 private:
  enum Kind : std::size_t { dense, convolution };
  struct Place {
    Kind kind;
    std::size_t place;
  };

  std::array<std::unique_ptr<FusedSums>, 2> sums_;  ///< by kind
  std::vector<Place> places_;                       ///< by map
};

}  // namespace sibp
