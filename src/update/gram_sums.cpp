#include "update/gram_sums.hpp"

namespace sibp {

GramSums::GramSums(const UpdateContext& context, std::span<const MapShape> maps, std::span<const Index> orders) {
  std::array<std::vector<FusedSums::Shape>, 2> triangles;
  for (std::size_t k = 0; k < orders.size(); ++k) {
    const Kind kind = maps[k].columns > 1 ? convolution : dense;
    places_.push_back({kind, triangles.at(kind).size()});
    const Index n = orders[k];
    if (n > 0) triangles.at(kind).push_back({n * (n + 1) / 2, 1});
  }
  for (const Kind kind : {dense, convolution}) {
    if (!context.communicator.makes_sums()) triangles.at(kind).clear();
    sums_.at(kind) = std::make_unique<FusedSums>(context.device, context.communicator, triangles.at(kind));
  }
}

GramPlace GramSums::of(std::size_t map) const {
  const Place& place = places_.at(map);
  return {*sums_.at(place.kind), place.place};
}

}  // namespace sibp
