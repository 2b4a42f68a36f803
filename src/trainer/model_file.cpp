#include "sibp/trainer/model_file.hpp"

#include "sibp/core/error.hpp"
#include "sibp/device/shape_text.hpp"
#include "sibp/layer/language.hpp"

#include "data/channel_order.hpp"
#include "data/cifar.hpp"

#include <charconv>
#include <system_error>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr auto shift_name = "normalisation.shift";
constexpr auto scale_name = "normalisation.scale";

const std::string& find_metadata(const TensorFile& file, const std::string& key, const std::filesystem::path& path) {
  const auto found = file.metadata.find(key);
  if (found == file.metadata.end())
    throw_model_error(
        fmt::format("{} has no '{}' in its metadata; expected a model written by sibp_dist", path.string(), key));
  return found->second;
}

/// Takes a features × 1 tensor out of the file.
std::vector<Real> take_vector(TensorFile& file, const char* name, Index features, const std::filesystem::path& path) {
  const auto found = file.tensors.find(name);
  if (found == file.tensors.end() || found->second.shape != std::vector<Index>{features})
    throw_model_error(fmt::format("{} has no tensor {} of {} elements, one per input", path.string(), name, features));
  std::vector<Real> values = std::move(found->second.values);
  file.tensors.erase(found);
  return values;
}

/// What the metadata say, or a plain vector where they say nothing.
TensorShape shape_of(const TensorFile& file, Index inputs, const std::filesystem::path& path) {
  if (!file.metadata.contains("shape")) return {1, 1, inputs};
  const std::string& text = find_metadata(file, "shape", path);
  const auto shape = shape_from_text(text);
  if (!shape || shape->size() != inputs)
    throw_model_error(
        fmt::format("{}: 'shape' in the metadata is '{}', expected height x width x channels of {} inputs, such as {}",
                    path.string(), text, inputs, to_text({1, 1, inputs})));
  return *shape;
}

NetworkSpec spec_of(const TensorFile& file, const std::filesystem::path& path) {
  const std::string& inputs_text = find_metadata(file, "inputs", path);
  Index inputs = 0;
  const auto [end, error] = std::from_chars(inputs_text.data(), inputs_text.data() + inputs_text.size(), inputs);
  if (error != std::errc() || *end != '\0' || inputs < 1)
    throw_model_error(
        fmt::format("{}: 'inputs' in the metadata is '{}', expected a number", path.string(), inputs_text));
  try {
    return parse_network(find_metadata(file, "network", path), shape_of(file, inputs, path),
                         loss_from_name(find_metadata(file, "loss", path)), Activation::relu);
  } catch (const Error& wrong) {
    throw_model_error(fmt::format("{}: the network in the metadata cannot be read: {}", path.string(), wrong.what()));
  }
}

NormalisationKind kind_of(const TensorFile& file, const std::filesystem::path& path) {
  try {
    return normalisation_from_name(find_metadata(file, "normalisation", path));
  } catch (const Error& wrong) {
    throw_model_error(fmt::format("{}: {}", path.string(), wrong.what()));
  }
}

FeatureType type_of(const TensorFile& file, const std::filesystem::path& path) {
  if (!file.metadata.contains("features")) return FeatureType::byte;
  const std::string& text = find_metadata(file, "features", path);
  for (const FeatureType type : {FeatureType::byte, FeatureType::float32})
    if (text == name_of(type)) return type;
  throw_model_error(
      fmt::format("{}: 'features' in the metadata is '{}', expected uint8 or float32", path.string(), text));
}

/// Puts the inputs of a planar file into the order of channels_fastest: columns of the first layer, and the
/// normalisation.
void reorder_inputs(TensorFile& file) {
  constexpr auto features = static_cast<std::size_t>(cifar_shape.size());
  for (const char* name : {"layers.0.weight", shift_name, scale_name}) {
    const auto found = file.tensors.find(name);
    if (found == file.tensors.end()) continue;
    const std::vector<Index>& sizes = found->second.shape;
    if (sizes.empty() || sizes.back() != cifar_shape.size()) continue;
    std::vector<Real>& values = found->second.values;
    const std::vector<Real> planar = values;
    for (std::size_t row = 0; row < values.size(); row += features)
      channels_fastest<Real>(cifar_shape, std::span(planar).subspan(row, features),
                             std::span(values).subspan(row, features));
  }
  file.metadata["shape"] = to_text(cifar_shape);
}

TensorFile read_tensors(const std::filesystem::path& path) {
  try {
    TensorFile file = read_safetensors(path);
    if (is_planar(file)) reorder_inputs(file);
    return file;
  } catch (const std::system_error& error) {
    throw_model_error(fmt::format("{}; check its permissions", error.what()));
  }
}

}  // namespace

bool is_planar(const TensorFile& file) {
  const auto dataset = file.metadata.find("dataset");
  return dataset != file.metadata.end() && dataset->second == "cifar10" && !file.metadata.contains("shape");
}

TensorFile model_to_tensors(const NetworkSpec& spec, std::map<std::string, Tensor> weights,
                            const Normalisation& normalisation, const std::string& dataset) {
  TensorFile file = frame_of_model(spec, normalisation, dataset);
  file.tensors.merge(weights);
  return file;
}

TensorFile frame_of_model(const NetworkSpec& spec, const Normalisation& normalisation, const std::string& dataset) {
  TensorFile file;
  const auto features = static_cast<Index>(normalisation.shift.size());
  require(normalisation.shape.size() == features, "a normalisation does not fit the shape of its samples");
  file.tensors[shift_name] = {{features}, normalisation.shift};
  file.tensors[scale_name] = {{features}, normalisation.scale};
  file.metadata = {{"format", "pt"},  // what other readers of safetensors expect to find
                   {"network", spec.text},
                   {"inputs", fmt::to_string(spec.inputs())},
                   {"shape", to_text(normalisation.shape)},
                   {"loss", std::string(name_of(spec.loss))},
                   {"normalisation", std::string(name_of(normalisation.kind))},
                   {"dataset", dataset}};
  // Bytes go without saying, as in files from before there were others.
  if (normalisation.type != FeatureType::byte) file.metadata["features"] = name_of(normalisation.type);
  return file;
}

bool has_normalisation(const TensorFile& file, const Normalisation& normalisation) {
  const auto holds = [&](const char* name, const std::vector<Real>& values) {
    const auto found = file.tensors.find(name);
    return found != file.tensors.end() && found->second.values == values;
  };
  return holds(shift_name, normalisation.shift) && holds(scale_name, normalisation.scale);
}

std::string model_to_bytes(Device& device, const Network& network, const Normalisation& normalisation,
                           const std::string& dataset) {
  return to_safetensors(model_to_tensors(network.spec, to_tensors(device, network), normalisation, dataset));
}

Model read_model(const std::filesystem::path& path) {
  Model model;
  model.file = read_tensors(path);
  model.spec = spec_of(model.file, path);
  model.dataset = find_metadata(model.file, "dataset", path);
  model.normalisation.kind = kind_of(model.file, path);
  model.normalisation.shape = shape_of(model.file, model.spec.inputs(), path);
  model.normalisation.type = type_of(model.file, path);
  model.normalisation.shift = take_vector(model.file, shift_name, model.spec.inputs(), path);
  model.normalisation.scale = take_vector(model.file, scale_name, model.spec.inputs(), path);
  return model;
}

Network read_weights(Device& device, const NetworkSpec& spec, const std::filesystem::path& path) {
  return network_from_tensors(device, spec, read_tensors(path), path.string());
}

}  // namespace sibp
