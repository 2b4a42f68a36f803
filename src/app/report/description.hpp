#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/model/network_spec.hpp"

#include <string>

namespace sibp {

/// The network as a table with a row a node: shapes, parameters, and of one step the flops, the bytes reduced and the
/// memory of a rank; the memory of a rank where `samples` samples in all are dealt to them. The
/// options have a form for each map, if the method has any. Local.
std::string description_text(const NetworkSpec& spec, const Options& options, int ranks, Index samples,
                             FeatureType type = FeatureType::byte);

}  // namespace sibp
