// The protocols that have a name: options of the data, the network and the length. A method's own stay free.

#include "sibp/core/error.hpp"

#include "app/cli/option_sources.hpp"

#include <algorithm>
#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

struct Preset {
  std::string_view name;
  std::vector<std::pair<std::string_view, std::string_view>> values;  ///< options by name
};

const std::vector<Preset>& presets() {
  static const std::vector<Preset> table{
      // Liu and Zhang 2020: 784-500-10, 55,000 samples of 60,000 to train on.
      {"paper-mnist", {{"dataset", "mnist"}, {"validation", "5000"}, {"hidden", "500"}, {"batch", "100"}}},
      // Frerix et al. 2018: 3072-4000-1000-4000-10, 45,000 samples of 50,000 to train on.
      {"proxprop-cifar10",
       {{"dataset", "cifar10"},
        {"normalize", "mean"},
        {"validation", "5000"},
        {"hidden", "4000,1000,4000"},
        {"batch", "500"}}},
      {"fashion-small",
       {{"dataset", "fashion-mnist"},
        {"normalize", "channel"},
        {"network", "fashion-small"},
        {"batch", "250"},
        {"epochs", "8"},
        {"schedule", "linear"},
        {"warmup-steps", "50"},
        {"label-smoothing", "0.1"}}},
      {"cifar10-small",
       {{"dataset", "cifar10"},
        {"normalize", "channel"},
        {"network", "cifar10-small"},
        {"batch", "250"},
        {"epochs", "11"},
        {"schedule", "linear"},
        {"warmup-steps", "100"},
        {"augment", "flip:alternating,translate:2"},
        {"label-smoothing", "0.1"}}},
      {"cifar10-94",
       {{"dataset", "cifar10"},
        {"normalize", "channel"},
        {"network", "cifar10-94"},
        {"init", "identity"},
        {"batch", "500"},
        {"epochs", "15"},
        {"schedule", "linear"},
        {"warmup-steps", "200"},
        {"augment", "flip:alternating,translate:2"},
        {"label-smoothing", "0.2"}}},
      {"resnet18-cifar10",
       {{"dataset", "cifar10"},
        {"normalize", "channel"},
        {"network", "resnet18"},
        {"batch", "500"},
        {"epochs", "30"},
        {"schedule", "linear"},
        {"warmup-steps", "300"},
        {"augment", "flip,translate:4,cutout:8"}}},
  };
  return table;
}

}  // namespace

Source read_preset(const std::string& name, const std::string& preset_label) {
  const auto preset = std::ranges::find(presets(), name, &Preset::name);
  if (preset == presets().end()) {
    std::vector<std::string_view> names;
    for (const Preset& known : presets()) names.push_back(known.name);
    throw_usage_error(fmt::format("{}: found '{}', expected one of {}", preset_label, name, fmt::join(names, ", ")));
  }
  Source source;
  for (const auto& [option, value] : preset->values) {
    source.push_back({find_option(option), std::string(value), fmt::format("preset {}: {}", name, option)});
  }
  return source;
}

}  // namespace sibp
