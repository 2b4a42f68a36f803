#pragma once

#include "sibp/device/convolution_products.hpp"

#include <memory>
#include <string>

namespace sibp::cpu {

/// "oneDNN 2.6.0", or nothing where the program was built without it.
std::string convolution_library();

/// The products of a convolution by oneDNN on so many threads, 0 for its own choice; null where the program was built
/// without it, and where it has no fast way for this shape, processor or precision.
std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape& shape, int threads);

}  // namespace sibp::cpu
