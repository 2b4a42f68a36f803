#pragma once

#include "sibp/data/dataset.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace sibp {

inline constexpr TensorShape cifar_shape{32, 32, 3};

/// How the files of a binary version are made up.
struct CifarFormat {
  Index label_bytes = 1;  ///< before the pixels of each record; the last of them is the class
  Index classes = 10;
};

inline constexpr CifarFormat cifar10_format{1, 10};
inline constexpr CifarFormat cifar100_format{2, 100};  ///< a superclass of 20, then the class

/// A split from files of a binary version: each holds `records_per_file` records of labels and 3072 pixel bytes, all of
/// red, then of green, then of blue. Samples have them with channels running fastest. Throws Error (data) unless every
/// file is there and has exactly that size.
std::unique_ptr<SampleSource> make_cifar_source(const CifarFormat& format, std::vector<std::filesystem::path> files,
                                                Index records_per_file);

}  // namespace sibp
