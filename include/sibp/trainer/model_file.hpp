#pragma once

#include "sibp/data/normalisation.hpp"
#include "sibp/model/network.hpp"

#include <filesystem>
#include <string>

namespace sibp {

/// A model's weights, as to_tensors has them, with what model_to_bytes adds. Local.
TensorFile model_to_tensors(const NetworkSpec& spec, std::map<std::string, Tensor> weights,
                            const Normalisation& normalisation, const std::string& dataset);

/// All of it but the weights: the normalisation and the metadata. Local.
TensorFile frame_of_model(const NetworkSpec& spec, const Normalisation& normalisation, const std::string& dataset);

/// Whether tensors that model_to_tensors made are for samples normalised like this. Local.
bool has_normalisation(const TensorFile& file, const Normalisation& normalisation);

/// Whether a model file or a checkpoint's tensors are of CIFAR-10 with all of red, then of green, then of blue among
/// the inputs. Those were written before files had a shape and channels ran fastest. Local.
bool is_planar(const TensorFile& file);

/// A trained model as bytes of a safetensors file: the weights (see to_tensors), the normalisation as tensors
/// "normalisation.shift" and "normalisation.scale", and in the metadata the network in the layer language, its inputs,
/// their shape, loss and kind of normalisation, and the data set. Local.
std::string model_to_bytes(Device& device, const Network& network, const Normalisation& normalisation,
                           const std::string& dataset);

/// A model file that has been read and checked, before its weights go to a device.
struct Model {
  NetworkSpec spec;
  Normalisation normalisation;  ///< its shape is 1 × 1 × inputs where an older file does not say
  std::string dataset;
  TensorFile file;  ///< the other tensors: weights, and in a checkpoint the method's state
};

/// Reads what model_to_bytes wrote; what is_planar is converted. Local. Throws Error (model) naming the file and what
/// is wrong with it.
Model read_model(const std::filesystem::path& path);

/// A network with the weights of a safetensors file, a model or tensors in the same layout; what is_planar is
/// converted. Local.
/// Throws Error (model) naming the file if they do not fit `spec`.
Network read_weights(Device& device, const NetworkSpec& spec, const std::filesystem::path& path);

}  // namespace sibp
