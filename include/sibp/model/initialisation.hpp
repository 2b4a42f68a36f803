#pragma once

#include "sibp/core/types.hpp"
#include "sibp/model/layer_spec.hpp"

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string_view>
#include <vector>

namespace sibp {

/// How the weights of linear maps start; biases start at 0.
struct Initialisation {
  enum class Kind {
    he,        ///< N(0, 2 / inputs)
    glorot,    ///< N(0, 2 / (inputs + outputs))
    identity,  ///< as `he`, but the first kernels of a convolution pass a channel on each, as far as there are
               ///< channels: 1 for this channel in the middle of the window, 0 elsewhere (Dirac's; Jordan 2024)
    normal,    ///< N(0, σ²), biases as well (the authors' start)
  };
  Kind kind = Kind::he;
  double deviation = 0;  ///< σ of `normal`
};

/// The texts that initialisation_from_text reads, for people.
constexpr std::string_view initialisation_texts = "he, glorot, identity, normal:SIGMA with a number above 0";

/// Reads "he", "glorot", "identity" or "normal:σ" with σ > 0; nothing for any other text, such as a file's name.
std::optional<Initialisation> initialisation_from_text(std::string_view text);

/// Ŵ = [W b] at the start, outputs × fan_in, column-major, drawn by the stream of (seed, number). `weights` is the
/// parameter of the map that has this number. Local.
std::vector<Real> initial_weights(const MapShape& map, const ParameterSpec& weights, const Initialisation& start,
                                  std::uint64_t seed, std::size_t number);

}  // namespace sibp
