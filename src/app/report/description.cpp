#include "app/report/description.hpp"

#include "sibp/core/process.hpp"
#include "sibp/core/words.hpp"
#include "sibp/device/shape_text.hpp"
#include "sibp/trainer/memory_model.hpp"

#include "app/cli/option_table.hpp"
#include "app/report/size_text.hpp"
#include "update/method_traits.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

/// What the update of a normalisation's scales is.
std::string_view update_of_scales(const MethodOptions& method) {
  return method.method.traits().solves_scales ? "closed" : "gradient";
}

/// One row; texts that are empty where a layer has nothing of the kind.
struct Row {
  std::string number{};
  std::string layer{};
  std::string output{};
  std::string parameters{};
  std::string form{};
  std::string network{};
  std::string update{};
  std::string reduced{};
  std::string memory{};
};

std::string mega(double flops) {
  return fmt::format("{:.1f}", flops / 1e6);
}

Index updated_parameters(const LayerSpec& layer) {
  Index total = 0;
  for (const ParameterSpec& parameter : layer.parameters())
    if (parameter.role != ParameterRole::statistics) total += parameter.size();
  return total;
}

class Table {
 public:
  Table(const NetworkSpec& spec, const Options& options, int ranks)
      : spec_(spec),
        method_(options.training.method),
        step_(step_shape(options.training, ranks, options.sums.wire)),
        memory_(predict_network_memory(spec, method_, step_)) {}

  std::string text() {
    rows_.push_back(
        {"layer", "", "output", "parameters", "form", "network MFLOP", "update MFLOP", "reduced", "memory"});
    add_row({.layer = "input", .output = to_text(spec_.input)}, memory_.inputs);
    for (std::size_t node = 0; node < spec_.nodes.size(); ++node) add_node(node);
    if (memory_.patches > 0) add_row({.layer = "patches"}, memory_.patches);
    if (memory_.update > 0) add_row({.layer = "update"}, memory_.update);
    rows_.push_back({.number = "all",
                     .parameters = fmt::to_string(spec_.parameters()),
                     .network = mega(total_.flops_network),
                     .update = mega(total_.flops_update),
                     .reduced = size_text(total_.bytes_reduced),
                     .memory = size_text(total_memory_)});
    return joined();
  }

 private:
  void add_row(Row row, double memory) {
    row.memory = size_text(memory);
    total_memory_ += memory;
    rows_.push_back(std::move(row));
  }

  void add_node(std::size_t node) {
    const LayerSpec& layer = *spec_.nodes[node].layer;
    Row row{.number = fmt::to_string(node + 1), .layer = layer.text(), .output = to_text(layer.output())};
    if (const Index parameters = updated_parameters(layer); parameters > 0) row.parameters = fmt::to_string(parameters);
    if (layer.map()) {
      add_map(row);
    } else if (!row.parameters.empty()) {
      row.form = update_of_scales(method_);
    }
    add_row(std::move(row), memory_.nodes[node].total());
  }

  void add_map(Row& row) {
    const MachineRates any_rates = MachineRates::uniform(1, 0, 1);  // seconds are not shown
    const auto [update, cost] = method_.method.traits().cost({spec_, method_, maps_++, step_}, any_rates);
    row.form = update;
    row.network = mega(cost.flops_network);
    row.update = mega(cost.flops_update);
    row.reduced = size_text(cost.bytes_reduced);
    total_ += cost;
  }

  /// Names to the left, numbers to the right, each column as wide as its widest.
  [[nodiscard]] std::string joined() const {
    constexpr std::size_t columns = 9;
    const auto cells = [](const Row& row) {
      return std::array<const std::string*, columns>{&row.number,     &row.layer,   &row.output,
                                                     &row.parameters, &row.form,    &row.network,
                                                     &row.update,     &row.reduced, &row.memory};
    };
    std::array<std::size_t, columns> widths{};
    for (const Row& row : rows_)
      for (std::size_t k = 0; k < columns; ++k) widths[k] = std::max(widths[k], cells(row)[k]->size());
    std::string text;
    for (const Row& row : rows_) {
      for (std::size_t k = 0; k < columns; ++k) {
        const bool is_name = k == 1 || k == 4;
        text += is_name ? fmt::format("  {:<{}}", *cells(row)[k], widths[k])
                        : fmt::format("  {:>{}}", *cells(row)[k], widths[k]);
      }
      text += '\n';
    }
    return text;
  }

  const NetworkSpec& spec_;
  const MethodOptions& method_;
  StepShape step_;
  NetworkMemory memory_;
  std::size_t maps_ = 0;
  std::vector<Row> rows_;
  LayerCost total_;
  double total_memory_ = 0;
};

/// The method with its parameters, those by default as well; the table of layers has the forms.
std::string method_text(const Options& options) {
  std::string text = fmt::format("method      {}", name_of(options.training.method.method));
  std::string_view before = ": ";
  for (const OptionEntry& entry : option_table()) {
    if (!entry.of_method || entry.name == "form" || !is_saved(entry, options)) continue;
    const auto value = entry.binding.get(options);
    if (!value) continue;
    text += fmt::format("{}{} {}", before, entry.name, *value);
    before = ", ";
  }
  return text + "\n";
}

/// The program is as large now as it will be beside what it allocates for the training.
std::string memory_text(const RankMemory& memory) {
  const auto program = static_cast<double>(memory_in_use_bytes());
  return fmt::format(
      "memory      {} on a rank: program {}, shard {}, weights {}, workspace {}, update {}, checkpoints {}\n",
      size_text(program + memory.total()), size_text(program), size_text(memory.shard), size_text(memory.weights),
      size_text(memory.workspace), size_text(memory.update), size_text(memory.saving));
}

}  // namespace

std::string description_text(const NetworkSpec& spec, const Options& options, int ranks, Index samples,
                             FeatureType type) {
  std::string text = fmt::format("network     {} ({})\nloss        {}\nlayers      {}, {} parameters, {}\n",
                                 short_name(spec), spec.text, name_of(spec.loss), spec.nodes.size(), spec.parameters(),
                                 size_text(static_cast<double>(spec.parameters()) * sizeof(Real)));
  text += method_text(options);
  text += fmt::format("one step    batch {}, {}; flops, bytes and memory of each rank\n", options.training.batch,
                      counted(ranks, "rank"));
  text +=
      memory_text(predict_memory(spec, options.training.method, step_shape(options.training, ranks), samples, type));
  return text + "\n" + Table(spec, options, ranks).text();
}

}  // namespace sibp
