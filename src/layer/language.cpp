#include "sibp/layer/language.hpp"

#include "sibp/core/error.hpp"
#include "sibp/layer/layer_arguments.hpp"

#include "layer/layer_kinds.hpp"
#include "layer/text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

namespace sibp {
namespace {

/// Deeper than any network in use; text of a megabyte could ask for gigabytes of layers.
constexpr std::size_t most_layers = 1000;

/// The text around a place, and a caret under it.
std::string pointed_at(std::string_view text, std::size_t place) {
  constexpr std::size_t around = 60;
  place = std::min(place, text.size());
  const std::size_t first = place > around ? place - around : 0;
  std::string line(text.substr(first, place - first + around));
  std::ranges::replace_if(
      line, [](char c) { return static_cast<unsigned char>(c) < ' '; }, ' ');
  return fmt::format("\n  {}\n  {}^", line, std::string(place - first, ' '));
}

class Parser {
 public:
  Parser(std::string_view text, const TensorShape& input, Loss loss, Activation hidden_activation,
         std::span<const LayerKind> kinds)
      : text_(text), hidden_activation_(hidden_activation), kinds_(kinds) {
    spec_.input = input;
    spec_.loss = loss;
  }

  NetworkSpec parse() {
    try {
      if (trimmed(text_).empty())
        throw LanguageError{0, "found no layer; end with a dense one, for example \"dense(10)\""};
      const std::vector<std::string> words = sequence(0);
      check_last();
      spec_.text = fmt::format("{}", fmt::join(words, " "));
    } catch (const LanguageError& wrong) {
      throw_usage_error(fmt::format("`network`: {}{}", wrong.reason, pointed_at(text_, wrong.place)));
    }
    return std::move(spec_);
  }

 private:
  using Words = std::vector<std::string>;

  static constexpr std::size_t deepest = 50;

  [[nodiscard]] std::size_t last_tensor() const { return spec_.nodes.size(); }

  /// Layers one after the other up to the end, or the bracket that closes a residual's.
  Words sequence(std::size_t depth) {
    Words words;
    while (true) {
      skip_blanks();
      if (at_ == text_.size() || (text_[at_] == ')' && depth > 0)) return words;
      last_place_ = at_;
      const std::string_view name = word();
      if (name.empty()) throw LanguageError{at_, fmt::format("found '{}', expected the name of a layer", text_[at_])};
      if (name == "residual") {
        words.push_back(residual(depth));
      } else {
        layer(name, depth, words);
      }
    }
  }

  void layer(std::string_view name, std::size_t depth, Words& words) {
    const auto kind = std::ranges::find(kinds_, name, &LayerKind::name);
    if (kind == kinds_.end()) {
      std::vector<std::string_view> known;
      for (const LayerKind& each : kinds_) known.push_back(each.name);
      throw LanguageError{last_place_, fmt::format("unknown kind of layer '{}', expected one of {}, residual", name,
                                                   fmt::join(known, ", "))};
    }
    const auto [arguments_text, place] = bracket();
    const bool is_last = depth == 0 && trimmed(text_.substr(at_)).empty();
    LayerArguments arguments(arguments_text, place, is_last ? Activation::identity : hidden_activation_);
    try {
      std::shared_ptr<const LayerSpec> made = kind->make(arguments, spec_.shape(last_tensor()));
      arguments.finish();
      append(std::move(made), words);
    } catch (const LanguageError& wrong) {
      throw LanguageError{wrong.place, fmt::format("{}; write {}", wrong.reason, kind->usage)};
    }
    if (arguments.trailing()) apply(*arguments.trailing(), words);
  }

  /// Adds a layer that reads the last tensor; an activation may become part of the layer before.
  void append(std::shared_ptr<const LayerSpec> made, Words& words) {
    const auto activation = activation_from_name(made->text());
    if (activation && may_fuse_ && !derivative_needs_input(*activation)) {
      if (auto fused = spec_.nodes.back().layer->with_activation(*activation)) {
        spec_.nodes.back().layer = std::move(fused);
        if (const auto map = spec_.nodes.back().layer->map()) spec_.maps.back() = *map;
        words.back() = spec_.nodes.back().layer->text();
        return;
      }
    }
    words.push_back(made->text());
    add_node(std::move(made), {last_tensor()});
    may_fuse_ = true;
  }

  void apply(Activation activation, Words& words) {
    LayerArguments no_arguments("", at_, hidden_activation_);
    append(activation_kind(activation).make(no_arguments, spec_.shape(last_tensor())), words);
  }

  void add_node(std::shared_ptr<const LayerSpec> layer, std::vector<std::size_t> inputs) {
    if (spec_.nodes.size() > most_layers)
      throw LanguageError{last_place_, fmt::format("found more than {} layers, expected at most as many", most_layers)};
    if (const auto map = layer->map()) {
      constexpr Index most = Index{1} << 50;
      if (map->fan_in() > most / map->outputs)
        throw LanguageError{last_place_, fmt::format("{} × {} weights are too many", map->outputs, map->fan_in())};
      spec_.maps.push_back(*map);
    }
    spec_.nodes.push_back({std::move(layer), std::move(inputs)});
  }

  /// residual( … ): the sum of what its layers make of the input and of the input itself.
  std::string residual(std::size_t depth) {
    const std::size_t place = last_place_;
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '(')
      throw LanguageError{at_, "expected '(' and the layers of the residual"};
    if (depth == deepest) throw LanguageError{place, fmt::format("residuals are nested more than {} deep", deepest)};
    ++at_;
    const std::size_t input = last_tensor();
    may_fuse_ = false;
    const Words words = sequence(depth + 1);
    if (at_ == text_.size()) throw LanguageError{place, "this residual( is not closed"};
    if (last_tensor() == input) throw LanguageError{at_, "found no layer in the residual"};
    ++at_;
    add_sum(input, last_tensor(), place);
    may_fuse_ = false;
    return fmt::format("residual( {} )", fmt::join(words, " "));
  }

  void add_sum(std::size_t input, std::size_t body, std::size_t place) {
    const TensorShape from = spec_.shape(input);
    const TensorShape to = spec_.shape(body);
    std::size_t skip = input;
    if (from != to) {
      const Index stride = (from.height + to.height - 1) / std::max<Index>(to.height, 1);
      const Window window{from, 1, 1, stride, 0};
      if (window.output_height() != to.height || window.output_width() != to.width)
        throw LanguageError{place, fmt::format("the layers of this residual make {} × {} pixels of {} × {}, which no "
                                               "convolution of kernel 1 does",
                                               to.height, to.width, from.height, from.width)};
      add_node(make_projection(from, to.channels, stride), {input});
      skip = last_tensor();
    }
    add_node(make_addition(to), {body, skip});
  }

  void check_last() const {
    const auto map = spec_.nodes.back().layer->map();
    if (!map || map->activation != Activation::identity || map->columns != 1)
      throw LanguageError{last_place_,
                          "the last layer must be linear and dense, the loss is taken of its pre-activations"};
  }

  void skip_blanks() {
    while (at_ < text_.size() && (text_[at_] == ' ' || text_[at_] == '\t' || text_[at_] == '\n')) ++at_;
  }

  std::string_view word() {
    const std::size_t first = at_;
    const auto is_part = [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-' || c == '_';
    };
    while (at_ < text_.size() && is_part(text_[at_])) ++at_;
    return text_.substr(first, at_ - first);
  }

  /// What stands between brackets, if some follow, and where.
  std::pair<std::string_view, std::size_t> bracket() {
    const std::size_t behind_name = at_;
    skip_blanks();
    if (at_ == text_.size() || text_[at_] != '(') {
      at_ = behind_name;
      return {{}, behind_name};
    }
    const std::size_t first = at_ + 1;
    const std::size_t close = text_.find_first_of("()", first);
    if (close == std::string_view::npos || text_[close] == '(') throw LanguageError{at_, "this bracket is not closed"};
    at_ = close + 1;
    return {text_.substr(first, close - first), first};
  }

  std::string_view text_;
  Activation hidden_activation_;
  std::span<const LayerKind> kinds_;
  NetworkSpec spec_;
  std::size_t at_ = 0;
  std::size_t last_place_ = 0;  ///< of the layer that was read last
  bool may_fuse_ = false;       ///< whether nothing else reads the last tensor
};

}  // namespace

NetworkSpec parse_network(std::string_view text, const TensorShape& input, Loss loss, Activation hidden_activation,
                          std::span<const LayerKind> kinds) {
  return Parser(text, input, loss, hidden_activation, kinds).parse();
}

NetworkSpec parse_network(std::string_view text, Index inputs, Loss loss, Activation hidden_activation) {
  return parse_network(text, TensorShape{1, 1, inputs}, loss, hidden_activation);
}

NetworkSpec network_from_widths(std::string_view hidden, const TensorShape& input, Index classes, Loss loss,
                                Activation hidden_activation) {
  std::string layers;
  std::size_t count = 0;
  std::string_view rest = trimmed(hidden);
  while (!rest.empty()) {
    if (++count > most_layers)
      throw_usage_error(fmt::format("`hidden`: found more than {} layers, expected at most as many", most_layers));
    const auto comma = rest.find(',');
    const auto width = whole_width(trimmed(rest.substr(0, comma)));
    if (!width || (comma != std::string_view::npos && comma + 1 == rest.size()))
      throw_usage_error(
          fmt::format("`hidden` is '{}', expected widths from 1 to {} separated by commas, for example "
                      "4000,1000,4000",
                      hidden, largest_width));
    layers += fmt::format("dense({},{}) ", *width, name_of(hidden_activation));
    rest = comma == std::string_view::npos ? std::string_view() : rest.substr(comma + 1);
  }
  return parse_network(layers + fmt::format("dense({},identity)", classes), input, loss, hidden_activation);
}

NetworkSpec network_from_widths(std::string_view hidden, Index inputs, Index classes, Loss loss,
                                Activation hidden_activation) {
  return network_from_widths(hidden, TensorShape{1, 1, inputs}, classes, loss, hidden_activation);
}

}  // namespace sibp
