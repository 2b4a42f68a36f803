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
    case Form::dual_reduced:
      return "dual-reduced";
  }
  return "";
}

std::optional<Form> form_from_name(std::string_view name) {
  for (const Form form : {Form::normal, Form::activations, Form::dual, Form::dual_reduced})
    if (name == name_of(form)) return form;
  return std::nullopt;
}

std::string to_text(const std::vector<Form>& forms) {
  std::string text;
  for (const Form form : forms) {
    if (!text.empty()) text += ',';
    text += name_of(form);
  }
  return text;
}

ProximalForm::ProximalForm(const UpdateContext& context, const LayerSpec& layer, const ProximalOptions& options)
    : context_(context),
      damping_(options.damping),
      carry_(options.carry),
      fan_in_(static_cast<double>(layer.fan_in())) {
}

ProximalStep ProximalForm::factorise(MatrixView gram) {
  ProximalStep step;
  // λ is added once, to the sum over ranks.
  step.lambda = damping_.kind == Damping::Kind::relative ? device().damp(gram, 0, damping_.value / fan_in_)
                                                         : device().damp(gram, damping_.value, 0);
  step.failed_minor = device().cholesky(gram);
  return step;
}

std::unique_ptr<ProximalForm> make_proximal_form(const UpdateContext& context, const LayerSpec& layer,
                                                 const ProximalOptions& options, std::size_t index) {
  const std::size_t place = options.forms.size() == 1 ? 0 : index;
  require(place < options.forms.size(), "the form of the update is not chosen for every layer");
  switch (options.forms[place]) {
    case Form::normal:
      return make_normal_form(context, layer, options);
    case Form::activations:
      return make_activations_form(context, layer, options);
    case Form::dual:
      return make_dual_form(context, layer, options, false);
    case Form::dual_reduced:
      return make_dual_form(context, layer, options, true);
  }
  throw Error(ExitStatus::runtime, "unknown form of the proximal update");
}

}  // namespace sibp
