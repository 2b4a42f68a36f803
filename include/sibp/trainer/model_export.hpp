#pragma once

#include "sibp/trainer/model_file.hpp"

#include <string>
#include <string_view>

namespace sibp {

// A trained model for other programs. Both forms take pixels as the data set has them, float32 from 0 to 255: pictures
// as N × channels × height × width, other samples as N × features. The normalisation is inside.

/// A model in ONNX's format, opset 17: the input "pixels", the outputs "logits" and "probabilities", N × classes.
/// `source` names its file in messages. Local. Throws Error (model) if the weights do not fit the network or are not
/// finite, (usage) if a layer has no such form or the model has 2 GB, which the format cannot hold, (runtime) if the
/// program was built without ONNX's library.
std::string model_to_onnx(const Model& model, std::string_view source);

/// A model for PyTorch: the text of a Python module, whose function load() makes an nn.Sequential that returns logits,
/// and the weights as bytes of a safetensors file, which has the name of the module but for its ending.
struct TorchFiles {
  std::string module;
  std::string weights;
};

/// Local. Throws as model_to_onnx, but for the size and the library.
TorchFiles model_to_torch(const Model& model, std::string_view source);

}  // namespace sibp
