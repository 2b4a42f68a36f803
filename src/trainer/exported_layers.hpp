#pragma once

#include "sibp/trainer/model_file.hpp"

#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// The layers of a model in the order of its nodes, with their parameters, which fit and are finite. Local.
/// Throws Error (model) naming `source` and what is wrong.
std::vector<ExportedLayer> exported_layers(const Model& model, std::string_view source);

/// Shift and scale of the pixels: channels slowest, of the shape of a sample for other programs, or with one pixel
/// where all of a channel have the same.
struct ExportedNormalisation {
  Tensor shift;
  Tensor scale;
};
ExportedNormalisation exported_normalisation(const Model& model);

}  // namespace sibp
