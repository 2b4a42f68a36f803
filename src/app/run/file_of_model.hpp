#pragma once

#include <filesystem>

namespace sibp {

/// The file of a model: of the folder of a run that is done its model, of another the weights of its newest checkpoint;
/// of the folder of a checkpoint its weights. Local. Throws Error (model) if the folder has none.
std::filesystem::path file_of_model(const std::filesystem::path& given);

}  // namespace sibp
