#pragma once

#include "sibp/device/device.hpp"
#include "sibp/model/network_spec.hpp"

namespace sibp {

/// The least seconds of a few steps of gradient descent on so many samples, all of them this rank's own: forward and
/// backward pass and the products that are gradients, without communication. What a network reaches of the rates of
/// large products is seen so: small convolutions and work on elements run far below them. Local; ranks that share a
/// machine call it at the same time, since they share memory as well. Throws Error (runtime) if there is no room.
double gradient_step_seconds(Device& device, const NetworkSpec& spec, Index samples);

}  // namespace sibp
