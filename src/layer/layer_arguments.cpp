#include "sibp/layer/layer_arguments.hpp"

#include "sibp/model/network_spec.hpp"

#include "layer/text.hpp"

#include <algorithm>
#include <charconv>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

bool is_number(std::string_view text) {
  return !text.empty() && (std::string_view("+-.").find(text.front()) != std::string_view::npos ||
                           (text.front() >= '0' && text.front() <= '9'));
}

}  // namespace

LayerArguments::LayerArguments(std::string_view text, std::size_t place, Activation default_activation)
    : place_(place), default_activation_(default_activation) {
  if (trimmed(text).empty()) return;
  std::size_t first = 0;
  while (true) {
    const std::size_t comma = std::min(text.find(',', first), text.size());
    const std::string_view argument = text.substr(first, comma - first);
    const std::size_t equals = argument.find('=');
    const bool is_named = equals != std::string_view::npos;
    const std::string_view value = trimmed(is_named ? argument.substr(equals + 1) : argument);
    const std::size_t at = place + first + (is_named ? equals + 1 : 0);
    if (value.empty()) throw LanguageError{std::min(at, place + text.size()), "expected a value"};
    arguments_.push_back({is_named ? trimmed(argument.substr(0, equals)) : std::string_view(), value,
                          place + static_cast<std::size_t>(value.data() - text.data()), false});
    if (comma == text.size()) return;
    first = comma + 1;
  }
}

/// By its name, or the next that is in order and a number.
LayerArguments::Argument* LayerArguments::find(std::string_view name) {
  auto found = std::ranges::find_if(arguments_, [&](const Argument& a) { return !a.is_taken && a.name == name; });
  if (found == arguments_.end()) {
    found = std::ranges::find_if(arguments_,
                                 [](const Argument& a) { return !a.is_taken && a.name.empty() && is_number(a.value); });
  }
  if (found == arguments_.end()) return nullptr;
  found->is_taken = true;
  return &*found;
}

Index LayerArguments::whole_number(const Argument& argument, std::string_view name, Index least) {
  if (const auto number = whole_width(argument.value, least)) return *number;
  throw LanguageError{argument.place, fmt::format("found '{}', expected the number of {}, {} to {}", argument.value,
                                                  name, least, largest_width)};
}

Index LayerArguments::size(std::string_view name) {
  const Argument* argument = find(name);
  if (argument == nullptr) {
    const auto other = std::ranges::find_if(arguments_, [](const Argument& a) { return !a.is_taken; });
    if (other != arguments_.end()) (void)whole_number(*other, name, 1);
    fail(fmt::format("found no number of {}, expected one from 1 to {}", name, largest_width));
  }
  return whole_number(*argument, name, 1);
}

Index LayerArguments::size_or(std::string_view name, Index otherwise) {
  const Argument* argument = find(name);
  return argument == nullptr ? otherwise : whole_number(*argument, name, 1);
}

Index LayerArguments::count_or(std::string_view name, Index otherwise) {
  const Argument* argument = find(name);
  return argument == nullptr ? otherwise : whole_number(*argument, name, 0);
}

double LayerArguments::fraction(std::string_view name) {
  const Argument* argument = find(name);
  if (argument == nullptr) fail(fmt::format("found no {}, expected a number from 0 on and below 1", name));
  double number = 0;
  const char* last = argument->value.data() + argument->value.size();
  const auto [end, error] = std::from_chars(argument->value.data(), last, number);
  if (error != std::errc() || end != last || !(number >= 0 && number < 1)) {
    throw LanguageError{argument->place,
                        fmt::format("found '{}', expected a {} from 0 on and below 1", argument->value, name)};
  }
  return number;
}

std::string_view LayerArguments::word(std::string_view name, std::initializer_list<std::string_view> words) {
  const auto found = std::ranges::find_if(arguments_, [&](const Argument& a) { return !a.is_taken && a.name == name; });
  if (found == arguments_.end()) return *words.begin();
  if (std::ranges::find(words, found->value) == words.end())
    throw LanguageError{found->place,
                        fmt::format("found '{}', expected a {} of {}", found->value, name, fmt::join(words, " or "))};
  found->is_taken = true;
  return found->value;
}

Activation LayerArguments::activation(Activation otherwise) {
  for (Argument& argument : arguments_) {
    if (argument.is_taken || !argument.name.empty()) continue;
    const auto known = activation_from_name(argument.value);
    if (!known) throw LanguageError{argument.place, fmt::format("unknown activation '{}'", argument.value)};
    argument.is_taken = true;
    otherwise = *known;
    break;
  }
  if (!derivative_needs_input(otherwise)) return otherwise;
  trailing_ = otherwise;
  return Activation::identity;
}

void LayerArguments::check_window(const Window& window) const {
  const Index height = window.input.height + 2 * window.padding;
  const Index width = window.input.width + 2 * window.padding;
  if (window.kernel_height > height || window.kernel_width > width)
    fail(fmt::format("a window of {} × {} does not fit {} × {} pixels with padding {}", window.kernel_height,
                     window.kernel_width, window.input.height, window.input.width, window.padding));
  if (window.padding >= window.kernel_height || window.padding >= window.kernel_width)
    fail(fmt::format("padding {} is not below the kernel's {}: some windows would see no pixel", window.padding,
                     std::min(window.kernel_height, window.kernel_width)));
  constexpr Index most_elements = Index{1} << 40;
  if (window.patch() > most_elements / std::max<Index>(window.places(), 1))
    fail("the patches of a sample are too large");
}

void LayerArguments::finish() const {
  for (const Argument& argument : arguments_) {
    if (argument.is_taken) continue;
    if (argument.name.empty())
      throw LanguageError{argument.place, fmt::format("'{}' is one argument too many", argument.value)};
    const auto before_value = static_cast<std::size_t>(argument.value.data() - argument.name.data());
    throw LanguageError{argument.place - before_value, fmt::format("unknown argument '{}'", argument.name)};
  }
}

}  // namespace sibp
