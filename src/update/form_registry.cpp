// The forms of the proximal update by their names. A new form is declared and listed here.
#include "sibp/core/words.hpp"

#include "update/form_traits.hpp"

#include <algorithm>

namespace sibp {

const std::vector<Form>& all_forms() {
  static const std::vector<Form> forms{
      Form(normal_form), Form(activations_form), Form(dual_form), Form(dual_split_form), Form(low_rank_form),
  };
  return forms;
}

std::string_view name_of(Form form) {
  return form.traits().name;
}

std::optional<Form> form_from_name(std::string_view name) {
  const auto found = std::ranges::find(all_forms(), name, [](Form form) { return name_of(form); });
  return found == all_forms().end() ? std::nullopt : std::optional(*found);
}

bool has_gram(Form form) {
  return form.traits().has_gram;
}

bool can_sample(Form form) {
  return form.traits().can_sample;
}

bool has_gradient(Form form) {
  return form.traits().has_gradient;
}

bool is_reproducible(Form form) {
  return form.traits().is_reproducible;
}

bool fits(Form form, const MapShape& map) {
  return form.traits().fits_convolutions || map.columns == 1;
}

std::string to_text(const std::vector<Form>& forms) {
  std::string text;
  for (const Form form : forms) {
    if (!text.empty()) text += ',';
    text += name_of(form);
  }
  return text;
}

std::optional<std::vector<Form>> forms_from_text(std::string_view text) {
  std::vector<Form> forms;
  for (std::size_t first = 0; first <= text.size();) {
    const std::size_t comma = std::min(text.find(',', first), text.size());
    const auto form = form_from_name(text.substr(first, comma - first));
    if (!form) return std::nullopt;
    forms.push_back(*form);
    first = comma + 1;
  }
  return forms;
}

std::string forms_in_words(const std::function<bool(Form)>& belongs, std::string_view last) {
  std::vector<std::string_view> names;
  for (const Form form : all_forms())
    if (belongs(form)) names.push_back(name_of(form));
  return in_words(names, last);
}

}  // namespace sibp
