#pragma once

#include "sibp/device/shape_text.hpp"

#include "app/cli/option_table.hpp"

#include <charconv>
#include <cmath>
#include <limits>
#include <string>
#include <string_view>
#include <system_error>
#include <type_traits>
#include <utility>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

// Bindings for the kinds of values that options have. `member` returns a reference to the value inside an Options that
// is const or not: [](auto& o) -> auto& { return o.training.batch; }

namespace sibp {

/// Options of the update stand in one group of the help, from two files.
inline constexpr std::string_view update_group = "Update (train)";

template <class T>
struct is_optional : std::false_type {};
template <class T>
struct is_optional<std::optional<T>> : std::true_type {};

/// The number that makes up the whole text; nothing if it does not or is out of T's range.
template <class T>
std::optional<T> parse_number(std::string_view text) {
  T value{};
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (error != std::errc() || end != text.data() + text.size()) return std::nullopt;
  return value;
}

/// A finite number above 0; nothing otherwise.
inline std::optional<double> parse_positive(std::string_view text) {
  const auto value = parse_number<double>(text);
  return value && std::isfinite(*value) && *value > 0 ? value : std::nullopt;
}

/// The text of a value, read back exactly; an absent optional has none.
template <class T>
std::optional<std::string> number_text(const T& value) {
  if constexpr (is_optional<T>::value) {
    return value ? number_text(*value) : std::nullopt;
  } else {
    return fmt::format("{}", value);
  }
}

template <class Member>
Binding integer(Member member, Index least, Index most = std::numeric_limits<Index>::max()) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto value = parse_number<Index>(text);
    if (!value || *value < least || *value > most) {
      throw Unexpected{most == std::numeric_limits<Index>::max()
                           ? fmt::format("a whole number of at least {}", least)
                           : fmt::format("a whole number from {} to {}", least, most)};
    }
    auto& place = member(options);
    using Value = std::remove_reference_t<decltype(place)>;
    if constexpr (is_optional<Value>::value) {
      place = *value;
    } else {
      place = static_cast<Value>(*value);
    }
  };
  return {set, [=](const Options& options) { return number_text(member(options)); }};
}

template <class Member>
Binding positive(Member member) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto value = parse_positive(text);
    if (!value) throw Unexpected{"a number above 0"};
    member(options) = *value;
  };
  return {set, [=](const Options& options) { return number_text(member(options)); }};
}

template <class T>
using Names = std::vector<std::pair<std::string_view, T>>;

/// A value out of a list, by its name there.
template <class Member, class T>
Binding choice(Member member, const Names<T>& choices) {
  const auto set = [=](Options& options, const std::string& text) {
    std::vector<std::string_view> names;
    for (const auto& [name, value] : choices) {
      if (text == name) {
        member(options) = value;
        return;
      }
      names.push_back(name);
    }
    throw Unexpected{fmt::format("one of {}", fmt::join(names, ", "))};
  };
  const auto get = [=](const Options& options) -> std::optional<std::string> {
    for (const auto& [name, value] : choices) {
      if (value == member(options)) return std::string(name);
    }
    return std::nullopt;
  };
  return {set, get};
}

/// A choice among the values of an enumeration that has a name_of.
template <class Member, class T>
Binding choice_of(Member member, std::initializer_list<T> values) {
  Names<T> choices;
  for (const T value : values) choices.emplace_back(name_of(value), value);
  return choice(member, choices);
}

/// Free text or a path that is not empty.
template <class Member>
Binding text(Member member, std::string_view expected) {
  const auto set = [=](Options& options, const std::string& given) {
    if (given.empty()) throw Unexpected{std::string(expected)};
    member(options) = given;
  };
  const auto get = [=](const Options& options) -> std::optional<std::string> {
    const std::string& value = member(options);
    return value.empty() ? std::nullopt : std::optional(value);
  };
  return {set, get};
}

/// A number from 0 on and below `end`.
template <class Member>
Binding number_below(Member member, double end, std::string_view expected) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto value = parse_number<double>(text);
    if (!value || !(*value >= 0 && *value < end)) throw Unexpected{std::string(expected)};
    member(options) = *value;
  };
  return {set, [=](const Options& options) { return number_text(member(options)); }};
}

template <class Member>
Binding fraction(Member member) {
  return number_below(member, 1, "a number from 0 on and below 1");
}

/// "relative:RHO" or "absolute:LAMBDA".
template <class Member>
Binding damping_binding(Member member) {
  const auto set = [=](Options& options, const std::string& text) {
    const auto colon = text.find(':');
    const std::string kind = text.substr(0, colon);
    const auto value = colon == std::string::npos ? std::nullopt : parse_positive(text.substr(colon + 1));
    if (!value || (kind != "relative" && kind != "absolute")) {
      throw Unexpected{"relative:RHO or absolute:LAMBDA with a number above 0"};
    }
    member(options) = Damping{kind == "relative" ? Damping::Kind::relative : Damping::Kind::absolute, *value};
  };
  const auto get = [=](const Options& options) -> std::optional<std::string> {
    const std::optional<Damping> damping = member(options);
    if (!damping) return std::nullopt;
    return fmt::format("{}:{}", damping->kind == Damping::Kind::relative ? "relative" : "absolute", damping->value);
  };
  return {set, get};
}

/// "HEIGHTxWIDTHxCHANNELS", into an optional TensorShape.
template <class Member>
Binding shape(Member member) {
  const auto set = [=](Options& options, const std::string& text) {
    member(options) = shape_from_text(text);
    if (!member(options)) throw Unexpected{"HEIGHTxWIDTHxCHANNELS, for example 8x8x3"};
  };
  const auto get = [=](const Options& options) {
    const auto& value = member(options);
    return value ? std::optional(to_text(*value)) : std::nullopt;
  };
  return {set, get};
}

/// Text that may be empty.
template <class Member>
Binding any_text(Member member) {
  return {[=](Options& options, const std::string& given) { member(options) = given; },
          [=](const Options& options) -> std::optional<std::string> { return member(options); }};
}

/// An option without a value.
template <class Member>
Binding flag(Member member) {
  return {[=](Options& options, const std::string&) { member(options) = true; },
          [](const Options&) -> std::optional<std::string> { return std::nullopt; }};
}

/// The same, but with nothing to be written down while `condition` holds.
template <class Condition>
Binding unless(Condition condition, const Binding& binding) {
  const auto get = [=](const Options& options) { return condition(options) ? std::nullopt : binding.get(options); };
  return {binding.set, get};
}

}  // namespace sibp
