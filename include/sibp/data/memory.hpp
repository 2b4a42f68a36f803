#pragma once

#include "sibp/data/dataset.hpp"

#include <memory>

namespace sibp {

/// Samples that are in memory already, as a source: all of them on every rank, of which each reads its own.
std::unique_ptr<SampleSource> make_memory_source(Samples samples);

/// The name of a data set of such sources.
inline constexpr const char* memory_name = "memory";

}  // namespace sibp
