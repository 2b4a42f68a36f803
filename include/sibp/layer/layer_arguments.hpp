#pragma once

#include "sibp/device/activation.hpp"
#include "sibp/device/tensor_shape.hpp"

#include <initializer_list>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// Something wrong at a place of a text in the layer language.
struct LanguageError {
  std::size_t place = 0;  ///< of the text, in bytes
  std::string reason;
};

/// What stands between the brackets of a layer: values in order, names with values, and the name of an activation. A
/// kind of layer takes what it knows; the parser refuses the rest. All functions throw LanguageError.
class LayerArguments {
 public:
  /// `text` is what stands between the brackets, from `place` of the whole text on; without brackets it is empty and
  /// `place` that behind the layer's name.
  LayerArguments(std::string_view text, std::size_t place, Activation default_activation);

  /// The next value in order, or that of this name: a whole number of at least 1.
  [[nodiscard]] Index size(std::string_view name);
  /// The same, or `otherwise` where it is left out.
  [[nodiscard]] Index size_or(std::string_view name, Index otherwise);
  /// A whole number of at least 0.
  [[nodiscard]] Index count_or(std::string_view name, Index otherwise);
  /// A number from 0 on and below 1.
  [[nodiscard]] double fraction(std::string_view name);
  /// The word with this name, which is one of `words`; the first of these where it is left out.
  [[nodiscard]] std::string_view word(std::string_view name, std::initializer_list<std::string_view> words);
  /// The activation that is named. One whose derivative needs its input is left to a layer of its own: see trailing().
  [[nodiscard]] Activation activation(Activation otherwise);
  /// Of a layer that names none.
  [[nodiscard]] Activation default_activation() const { return default_activation_; }
  /// An activation that a layer of its own applies after this one.
  [[nodiscard]] std::optional<Activation> trailing() const { return trailing_; }

  /// Throws unless the window fits its input.
  void check_window(const Window& window) const;
  /// Throws if something has not been taken.
  void finish() const;
  [[noreturn]] void fail(const std::string& reason) const { throw LanguageError{place_, reason}; }

 private:
  struct Argument {
    std::string_view name;  ///< empty: in order
    std::string_view value;
    std::size_t place = 0;
    bool is_taken = false;
  };

  Argument* find(std::string_view name);
  [[nodiscard]] static Index whole_number(const Argument& argument, std::string_view name, Index least);

  std::size_t place_;
  Activation default_activation_;
  std::optional<Activation> trailing_;
  std::vector<Argument> arguments_;
};

}  // namespace sibp
