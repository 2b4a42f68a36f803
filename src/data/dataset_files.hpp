#pragma once

#include "sibp/data/dataset.hpp"

#include <filesystem>
#include <span>
#include <string>

namespace sibp {

/// How to come by the files of a data set: the script that fetches them, the package that has them, or nothing more
/// than the folder of the data. The end of an error's message.
std::string advice_on_files(const DatasetOptions& options);

/// Throws Error (data) naming the folder and advice_on_files unless it is a folder.
void check_data_folder(const DatasetOptions& options, const std::filesystem::path& folder);

/// The first of these names that is there. Throws Error (data) naming the folder, the first name and advice_on_files if
/// none is.
std::filesystem::path find_data_file(const DatasetOptions& options, const std::filesystem::path& folder,
                                     std::span<const std::string> names);

/// Throws Error (data) naming `train` and `test`, the files of the two splits, unless samples of both have one shape
/// and one type.
void check_splits_alike(const Dataset& dataset, const std::filesystem::path& train, const std::filesystem::path& test);

}  // namespace sibp
