#include "sibp/trainer/checkpoint.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/finite.hpp"
#include "sibp/model/tensor_layout.hpp"

#include "trainer/checkpoint_state.hpp"

#include <algorithm>
#include <system_error>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

using nlohmann::json;

constexpr const char* config_name = "config.ini";
constexpr const char* state_name = "state.json";
constexpr std::uintmax_t largest_text = 1'000'000;  // bytes of a file that is no tensors; thousands are usual

/// On rank 0.
void upload_tensor(Device& device, const Checkpoint& checkpoint, const std::string& name, MatrixView to) {
  const auto found = checkpoint.tensors.tensors.find(name);
  if (found == checkpoint.tensors.tensors.end())
    throw_model_error(fmt::format("{} has no tensor {}; it is of another method", checkpoint_weights_name, name));
  if (found->second.shape != std::vector<Index>{to.rows, to.cols})
    throw_model_error(fmt::format("{}: tensor {} has shape {}, expected {} × {}", checkpoint_weights_name, name,
                                  fmt::join(found->second.shape, " × "), to.rows, to.cols));
  std::vector<Real> values(static_cast<std::size_t>(to.size()));
  from_tensor(found->second, {values.data(), to.rows, to.cols, std::max<Index>(to.rows, 1)});
  device.upload(values, to);
}

/// All of a verified checkpoint but its tensors.
Checkpoint read_without_tensors(const std::filesystem::path& folder) {
  verify_checkpoint(folder);
  Checkpoint checkpoint;
  const auto path = folder / state_name;
  try {
    checkpoint.config = read_file(folder / config_name, largest_text);
    read_state(json::parse(read_file(path, largest_text)), checkpoint);
  } catch (const std::system_error& error) {
    throw_unreadable(error);
  } catch (const json::exception&) {
    throw_model_error(fmt::format("{} is not as sibp_dist writes it", path.string()));
  } catch (const Error& error) {
    throw_model_error(fmt::format("{}: {}", path.string(), error.what()));
  }
  return checkpoint;
}

/// Sees that a checkpoint is what its place says.
void check_identity(const Checkpoint& checkpoint, const std::filesystem::path& folder, const std::string& run) {
  std::error_code unknown;
  const auto place = std::filesystem::weakly_canonical(folder, unknown);  // of a link what it points to
  const Index named = step_of_name(place.filename().string());
  if (named >= 0 && named != checkpoint.state.step)
    throw_model_error(fmt::format("{} is named as step {}, but holds step {}; it was renamed", folder.string(), named,
                                  checkpoint.state.step));
  if (!run.empty() && !checkpoint.run.run.empty() && checkpoint.run.run != run)
    throw_model_error(fmt::format("{} is of the run {}, but its folder is of the run {}; it was put there",
                                  folder.string(), checkpoint.run.run, run));
}

void check_finite(const TensorFile& file, const std::filesystem::path& path) {
  for (const auto& [name, tensor] : file.tensors) {
    if (!all_finite(tensor.values))
      throw_model_error(
          fmt::format("{}: tensor {} holds numbers that are not finite; the training diverged, and nothing "
                      "can go on from here",
                      path.string(), name));
  }
}

}  // namespace

std::string tensor_of_method(const std::string& matrix) {
  return "method." + matrix;
}

CheckpointFiles to_files(Checkpoint checkpoint) {
  CheckpointFiles files = to_text_files(checkpoint);
  files[checkpoint_weights_name] = to_safetensors(std::move(checkpoint.tensors));
  return files;
}

CheckpointFiles to_text_files(const Checkpoint& checkpoint) {
  return {{config_name, checkpoint.config}, {state_name, to_state_text(checkpoint)}};
}

void throw_not_finite(const std::string& what, Index step) {
  throw Error(ExitStatus::diverged,
              fmt::format("a number in {} is not finite after step {}, so that no checkpoint of it is written; lower "
                          "the step size (`eta` or `lr`), raise `damping` if the method has it, or use `warmup_steps`",
                          what, step));
}

Checkpoint read_checkpoint(const std::filesystem::path& folder, const std::string& run) {
  Checkpoint checkpoint = read_without_tensors(folder);
  check_identity(checkpoint, folder, run);
  try {
    checkpoint.tensors = read_safetensors(folder / checkpoint_weights_name);
  } catch (const std::system_error& error) {
    throw_unreadable(error);
  }
  check_finite(checkpoint.tensors, folder / checkpoint_weights_name);
  return checkpoint;
}

bool is_checkpoint_of(const std::filesystem::path& folder, const RunFacts& run, Index step) {
  try {
    const Checkpoint found = read_without_tensors(folder);
    return found.state.step == step && (found.run.run.empty() || found.run.run == run.run) &&
           (!found.run.data || found.run.data == run.data);
  } catch (const Error& error) {
    if (error.status() != ExitStatus::model) throw;
    return false;
  }
}

std::optional<NewestCheckpoint> read_newest_checkpoint(const CheckpointFolder& folder, const std::string& run) {
  const std::vector<Index> steps = folder.steps();
  NewestCheckpoint newest;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    newest.path = folder.path_of(*step);
    try {
      newest.checkpoint = read_checkpoint(newest.path, run);
      return newest;
    } catch (const Error& error) {
      if (error.status() != ExitStatus::model) throw;
      newest.damaged.push_back(*step);
      newest.messages.emplace_back(error.what());
    }
  }
  if (steps.empty()) return std::nullopt;
  throw_model_error(fmt::format("none of the {} checkpoints in {} can be used: {}", steps.size(),
                                folder.path().string(), fmt::join(newest.messages, "; ")));
}

void restore_method(const UpdateContext& context, UpdateRule& rule, const Checkpoint* checkpoint) {
  const UpdateState state = rule.state();
  const Communicator& communicator = context.communicator;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    for (const auto& [name, matrix] : state.matrices)
      upload_tensor(context.device, *checkpoint, tensor_of_method(name), matrix);
    for (const auto& [name, number] : state.numbers) {
      const auto found = checkpoint->method_numbers.find(name);
      if (found == checkpoint->method_numbers.end())
        throw_model_error(fmt::format("{} has no number '{}'; it is of another method", state_name, name));
      number.get() = found->second;
    }
  });
  for (const auto& [name, matrix] : state.matrices) communicator.broadcast(matrix);
  for (const auto& [name, number] : state.numbers) communicator.broadcast(std::span(&number.get(), 1));
}

}  // namespace sibp
