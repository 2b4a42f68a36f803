#include "sibp/model/layer_spec.hpp"

#include "sibp/core/error.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

[[noreturn]] void throw_without_form(const LayerSpec& layer, std::string_view program) {
  throw_usage_error(fmt::format("the layer {} has no form in {} yet", layer.text(), program));
}

}  // namespace

std::string LayerSpec::to_onnx(OnnxGraph&, const std::vector<std::string>&, const ExportedLayer&) const {
  throw_without_form(*this, "ONNX");
}

std::vector<TorchModule> LayerSpec::to_torch(const ExportedLayer&) const {
  throw_without_form(*this, "PyTorch");
}

}  // namespace sibp
