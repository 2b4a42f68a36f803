// Configuration files in TOML, by toml++.
#include "app/cli/option_toml.hpp"

#include "sibp/core/error.hpp"

#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <toml++/toml.h>

namespace sibp {
namespace {

std::string text_of(const toml::node& node, const std::string& label);

std::string text_of_list(const toml::array& list, const std::string& label) {
  std::vector<std::string> texts;
  for (const toml::node& each : list) {
    if (each.is_array()) throw_usage_error(fmt::format("{}: found a list in a list, expected one value each", label));
    texts.push_back(text_of(each, label));
  }
  return fmt::format("{}", fmt::join(texts, ","));
}

std::string text_of(const toml::node& node, const std::string& label) {
  return node.visit([&](const auto& value) -> std::string {
    using Value = std::decay_t<decltype(value)>;
    if constexpr (toml::is_boolean<Value>) {
      return *value ? "on" : "off";
    } else if constexpr (toml::is_string<Value> || toml::is_integer<Value> || toml::is_floating_point<Value>) {
      return fmt::format("{}", *value);
    } else if constexpr (toml::is_array<Value>) {
      return text_of_list(value, label);
    } else {
      throw_usage_error(fmt::format("{}: found a {} in line {}, expected option = value", label,
                                    toml::is_table<Value> ? "table" : "date", node.source().begin.line));
    }
  });
}

}  // namespace

std::vector<std::pair<std::string, std::string>> read_toml(const std::string& text, const std::string& name) {
  try {
    std::vector<std::pair<std::string, std::string>> values;
    for (const auto& [key, node] : toml::parse(text)) {
      const std::string option(key.str());
      values.emplace_back(option, text_of(node, fmt::format("{}: {}", name, option)));
    }
    return values;
  } catch (const toml::parse_error& error) {
    throw_usage_error(
        fmt::format("{}: found no TOML in line {}: {}", name, error.source().begin.line, error.description()));
  }
}

}  // namespace sibp
