#pragma once

#include "sibp/core/types.hpp"
#include "sibp/device/picture_change.hpp"

/// Changes of pictures; private to the CPU device.
namespace sibp::cpu {

/// to ← the picture `from`, changed. Both have shape.size() elements and do not overlap.
void change_picture(const PictureChange& change, const TensorShape& shape, const Real* from, Real* to);

}  // namespace sibp::cpu
