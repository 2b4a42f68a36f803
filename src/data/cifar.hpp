#pragma once

#include "sibp/data/dataset.hpp"

#include <filesystem>
#include <memory>
#include <string>
#include <vector>

namespace sibp {

inline constexpr TensorShape cifar10_shape{32, 32, 3};
inline constexpr Index cifar10_classes = 10;

/// A split from files of CIFAR-10's binary version: each holds 10000 records of a label byte and 3072 pixel bytes, all
/// of red, then of green, then of blue. Samples have them with channels running fastest. Throws Error (data) unless
/// every file is there and has exactly that size.
std::unique_ptr<SampleSource> make_cifar10_source(std::vector<std::filesystem::path> files);

}  // namespace sibp
