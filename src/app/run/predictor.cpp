#include "sibp/app/run/predictor.hpp"

#include "sibp/app/run/threads.hpp"
#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"
#include "sibp/data/memory.hpp"
#include "sibp/device/device.hpp"
#include "sibp/device/shape_text.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/trainer.hpp"

#include "app/run/file_of_model.hpp"

#include <numeric>
#include <utility>

#include <fmt/format.h>

namespace sibp {

struct Predictor::Impl {
  explicit Impl(const std::filesystem::path& path)
      : alone(make_self_communicator()),
        device(make_cpu_device(plan_threads(0, alone).threads)),
        model(read_model(path)),
        network(network_from_tensors(*device, model.spec, model.file, path.string())),
        normalisation(to_device(*device, model.normalisation)),
        workspace(*device, alone, network, workspace_capacity(model.spec, 100)) {}

  Communicator alone;
  std::unique_ptr<Device> device;
  Model model;
  Network network;
  DeviceNormalisation normalisation;
  Workspace workspace;
};

Predictor::Predictor(const std::filesystem::path& model) : impl_(std::make_unique<Impl>(file_of_model(model))) {
}
Predictor::Predictor(Predictor&& other) noexcept = default;
Predictor& Predictor::operator=(Predictor&& other) noexcept = default;
Predictor::~Predictor() = default;

const NetworkSpec& Predictor::spec() const {
  return impl_->model.spec;
}

TensorShape Predictor::shape() const {
  return impl_->model.normalisation.shape;
}

std::vector<Real> Predictor::probabilities(Samples samples) {
  const bool are_pictures = shape().pixels() > 1 && samples.shape.pixels() > 1;
  if (samples.features() != shape().size() || (are_pictures && samples.shape != shape()))
    throw_usage_error(fmt::format("found samples of {}, but the model takes {} (height x width x channels)",
                                  to_text(samples.shape), to_text(shape())));
  if (const FeatureType type = impl_->model.normalisation.type; samples.type != type)
    throw_usage_error(fmt::format("found samples of {}, but the model takes {}", name_of(samples.type), name_of(type)));
  std::vector<Index> all(static_cast<std::size_t>(samples.size()));
  std::iota(all.begin(), all.end(), Index{0});
  Device& device = *impl_->device;
  const LocalSplit split = load_split(device, impl_->alone, *make_memory_source(std::move(samples)), all, 1);
  std::vector<Real> probabilities(all.size() * static_cast<std::size_t>(spec().outputs()));
  const auto places = std::span(probabilities);
  const auto outputs = static_cast<std::size_t>(spec().outputs());
  for_each_chunk(device, split, impl_->normalisation, impl_->workspace, [&](Index first, Index count) {
    const MatrixView f = impl_->workspace.outputs();
    device.softmax(f);
    device.download(
        f, places.subspan(outputs * static_cast<std::size_t>(first), outputs * static_cast<std::size_t>(count)));
    return true;
  });
  return probabilities;
}

}  // namespace sibp
