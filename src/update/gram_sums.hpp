#pragma once

#include "sibp/comm/fused_sums.hpp"
#include "sibp/update/proximal_options.hpp"
#include "sibp/update/update_rule.hpp"

#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// Where the packed triangle of one system travels.
struct GramPlace {
  FusedSums& sums;
  std::size_t place = 0;  ///< in them
  SystemPlace owner{};
};

/// The system of one map: what decides with which others its triangle travels.
struct GramOfMap {
  Index order = 0;  ///< n of the n × n system; 0: the map has none
  bool convolves = false;
  Index offset = 0;  ///< GramRefresh::offset
  SystemPlace owner{};
};

/// The sums over ranks of the packed triangles of the maps' systems. Those that are due at other steps travel apart, as
/// a message goes when its last triangle is ready, and so do those of other owners.
class GramSums {
 public:
  /// `grams` are in the order in which they will be ready. Collective.
  GramSums(const UpdateContext& context, std::span<const GramOfMap> grams);

  /// That of the k-th map, which has one. Local.
  [[nodiscard]] GramPlace of(std::size_t map) const;

 private:
  struct Place {
    std::size_t group;
    std::size_t place;
    SystemPlace owner;
  };

  std::vector<std::unique_ptr<FusedSums>> sums_;  ///< by group
  std::vector<Place> places_;                     ///< by map
};

}  // namespace sibp
