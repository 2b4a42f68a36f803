#include "update/proximal_form.hpp"

namespace sibp {

std::string_view name_of(Form form) {
  switch (form) {
    case Form::normal:
      return "normal";
    case Form::activations:
      return "activations";
    case Form::dual:
      return "dual";
    case Form::dual_split:
      return "dual-split";
  }
  return "";
}

std::optional<Form> form_from_name(std::string_view name) {
  for (const Form form : {Form::normal, Form::activations, Form::dual, Form::dual_split})
    if (name == name_of(form)) return form;
  return std::nullopt;
}

bool has_gram(Form form) {
  return form == Form::normal || form == Form::activations;
}

SystemOptions default_convolution_system() {
  constexpr Damping damping{Damping::Kind::relative, 0.1};
  return {.damping = damping, .refresh = {.every = 10, .average = 0.9, .burn_in = 0, .damping = damping}, .sample = 8};
}

bool fits(Form form, const MapShape& map) {
  return form == Form::normal || map.columns == 1;
}

std::string to_text(const std::vector<Form>& forms) {
  std::string text;
  for (const Form form : forms) {
    if (!text.empty()) text += ',';
    text += name_of(form);
  }
  return text;
}

ProximalForm::ProximalForm(const UpdateContext& context, const ProximalOptions& options)
    : context_(context), carry_(options.carry) {
}

}  // namespace sibp
