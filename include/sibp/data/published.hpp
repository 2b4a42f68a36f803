#pragma once

#include "sibp/data/dataset.hpp"

#include <optional>
#include <string_view>

namespace sibp {

/// A published data set without its files: name, shape, classes and the sizes of its splits, whose samples cannot be
/// read. Nothing for a data set whose sizes files or options decide. Local.
std::optional<Dataset> published_dataset(std::string_view name);

}  // namespace sibp
