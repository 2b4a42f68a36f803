// The options of semi-implicit back propagation that only networks with convolutions have: how the systems of
// convolutions are formed and solved.

#include "app/option_bindings.hpp"

namespace sibp {
namespace {

OptionEntry convolution_entry(std::string_view name, std::string_view value_name, std::string_view help,
                              Binding binding, std::string_view commands = network_commands) {
  return {.name = name,
          .group = update_group,
          .value_name = value_name,
          .help = help,
          .binding = std::move(binding),
          .commands = commands,
          .of_method = true,
          .of_convolutions = true};
}

/// The same whether a system is a batch's own or a running mean's, which is about as large for convolutions.
Binding convolution_damping() {
  Binding binding = damping_binding([](auto& o) -> auto& { return o.training.method.convolution.damping; });
  binding.set = [set = binding.set](Options& options, const std::string& text) {
    set(options, text);
    SystemOptions& system = options.training.method.convolution;
    system.refresh.damping = system.damping;
  };
  return binding;
}

}  // namespace

void append_convolution_options(OptionTable& table) {
  table.push_back(convolution_entry("conv-damping", "KIND", "as --damping, of convolutions and normalisations",
                                    convolution_damping(), "train"));
  table.push_back(
      convolution_entry("conv-gram-every", "T", "as --gram-every, of convolutions",
                        integer(
                            [](auto& o) -> auto& { return o.training.method.convolution.refresh.every; }, 1)));
  const auto has_no_mean = [](const Options& o) { return !o.training.method.convolution.refresh.keeps_mean(); };
  table.push_back(convolution_entry(
      "conv-gram-average", "BETA", "as --gram-average, with --conv-gram-every above 1",
      unless(has_no_mean, fraction([](auto& o) -> auto& { return o.training.method.convolution.refresh.average; })),
      "train"));
  table.push_back(convolution_entry("conv-gram-sample", "K",
                                    "the Gram matrices of convolutions are formed of every K-th sample of the batch",
                                    integer(
                                        [](auto& o) -> auto& { return o.training.method.convolution.sample; }, 1)));
}

}  // namespace sibp
