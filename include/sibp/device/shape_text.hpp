#pragma once

#include "sibp/device/tensor_shape.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sibp {

/// "32x32x3": height, width and channels.
std::string to_text(const TensorShape& shape);

/// The other way round; nothing unless the text is three whole numbers from 1 on whose product is an Index.
std::optional<TensorShape> shape_from_text(std::string_view text);

}  // namespace sibp
