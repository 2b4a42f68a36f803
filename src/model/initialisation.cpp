#include "sibp/model/initialisation.hpp"

#include "sibp/core/matrix_view.hpp"
#include "sibp/core/random.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>

#include <boost/random/normal_distribution.hpp>

namespace sibp {
namespace {

double deviation_of(const Initialisation& start, const MapShape& map) {
  switch (start.kind) {
    case Initialisation::Kind::he:
    case Initialisation::Kind::identity:
      return std::sqrt(2.0 / static_cast<double>(map.inputs));
    case Initialisation::Kind::glorot:
      return std::sqrt(2.0 / static_cast<double>(map.inputs + map.outputs));
    case Initialisation::Kind::normal:
      return start.deviation;
  }
  return 0;
}

/// The first kernels pass a channel on each, where the window has a pixel in the middle.
void pass_channels_on(const ColumnRange& middle, MatrixView weights) {
  for (Index kernel = 0; kernel < std::min(weights.rows, middle.count); ++kernel) {
    for (Index column = 0; column < weights.cols; ++column) weights(kernel, column) = 0;
    weights(kernel, middle.first + kernel) = 1;
  }
}

}  // namespace

std::optional<Initialisation> initialisation_from_text(std::string_view text) {
  using enum Initialisation::Kind;
  if (text == "he") return Initialisation{he, 0};
  if (text == "glorot") return Initialisation{glorot, 0};
  if (text == "identity") return Initialisation{identity, 0};
  constexpr std::string_view prefix = "normal:";
  if (!text.starts_with(prefix)) return std::nullopt;
  text.remove_prefix(prefix.size());
  double deviation = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), deviation);
  const bool is_number = error == std::errc() && end == text.data() + text.size() && std::isfinite(deviation);
  if (!is_number || deviation <= 0) return std::nullopt;
  return Initialisation{normal, deviation};
}

std::vector<Real> initial_weights(const MapShape& map, const ParameterSpec& weights, const Initialisation& start,
                                  std::uint64_t seed, std::size_t number) {
  std::vector<Real> values(static_cast<std::size_t>(map.parameters()), Real(0));
  const Index drawn = start.kind == Initialisation::Kind::normal ? map.parameters() : map.outputs * map.inputs;
  auto generator = random_stream(seed, Stream::weights, number);
  boost::random::normal_distribution<double> normal(0, deviation_of(start, map));
  for (Index k = 0; k < drawn; ++k) values[static_cast<std::size_t>(k)] = static_cast<Real>(normal(generator));
  if (start.kind == Initialisation::Kind::identity)
    pass_channels_on(weights.middle, {values.data(), map.outputs, map.fan_in(), map.outputs});
  return values;
}

}  // namespace sibp
