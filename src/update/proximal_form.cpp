#include "update/proximal_form.hpp"

namespace sibp {

SystemOptions default_convolution_system() {
  constexpr Damping damping{Damping::Kind::relative, 1};
  return {.damping = damping, .refresh = {.every = 10, .average = 0.9, .burn_in = 0, .damping = damping}, .sample = 8};
}

ProximalForm::ProximalForm(const UpdateContext& context, const ProximalOptions& options)
    : context_(context), carry_(options.carry) {
}

}  // namespace sibp
