#include "app/run/file_of_model.hpp"

#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"
#include "sibp/core/error.hpp"
#include "sibp/trainer/checkpoint.hpp"
#include "sibp/trainer/checkpoint_folder.hpp"

#include <fmt/format.h>

namespace sibp {

std::filesystem::path file_of_model(const std::filesystem::path& given) {
  namespace fs = std::filesystem;
  std::error_code unknown;
  if (!fs::is_directory(given, unknown)) return given;
  fs::path model = given / RunFolder::model_name;
  const auto status = read_status(given);
  const bool goes_on = status && status->state != "done";  // its model, if there is one, is of an earlier end
  if (!goes_on && fs::exists(model, unknown)) return model;
  if (fs::path weights = given / checkpoint_weights_name; fs::exists(weights, unknown)) return weights;
  if (const fs::path below = given / RunFolder::checkpoints_name; fs::exists(below, unknown)) {
    const CheckpointFolder checkpoints(below);
    if (const auto saved = checkpoints.steps(); !saved.empty())
      return checkpoints.path_of(saved.back()) / checkpoint_weights_name;
  }
  if (fs::exists(model, unknown)) return model;
  throw_model_error(fmt::format("--model: found the folder {} without a model, expected that of a run or a checkpoint",
                                given.string()));
}

}  // namespace sibp
