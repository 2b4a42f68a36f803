#include "update/gram_sums.hpp"

#include <algorithm>

namespace sibp {
namespace {

bool travel_together(const GramOfMap& a, const GramOfMap& b) {
  return a.convolves == b.convolves && a.offset == b.offset && a.owner.owner == b.owner.owner;
}

}  // namespace

GramSums::GramSums(const UpdateContext& context, std::span<const GramOfMap> grams) {
  std::vector<GramOfMap> groups;  // the first of each
  std::vector<std::vector<FusedSums::Shape>> triangles;
  for (const GramOfMap& gram : grams) {
    const auto found =
        std::ranges::find_if(groups, [&](const GramOfMap& group) { return travel_together(group, gram); });
    const auto group = static_cast<std::size_t>(found - groups.begin());
    if (found == groups.end()) {
      groups.push_back(gram);
      triangles.emplace_back();
    }
    places_.push_back({group, triangles[group].size(), gram.owner});
    if (gram.order > 0) triangles[group].push_back({gram.order * (gram.order + 1) / 2, 1});
  }
  for (std::size_t group = 0; group < groups.size(); ++group) {
    if (!context.communicator.makes_sums()) triangles[group].clear();
    sums_.push_back(std::make_unique<FusedSums>(context.device, context.communicator, triangles[group],
                                                FusedSums::default_least, groups[group].owner.owner));
  }
}

GramPlace GramSums::of(std::size_t map) const {
  const Place& place = places_.at(map);
  return {*sums_[place.group], place.place, place.owner};
}

}  // namespace sibp
