#pragma once

#include "sibp/data/data_digest.hpp"
#include "sibp/data/sample_order.hpp"
#include "sibp/trainer/checkpoint_folder.hpp"
#include "sibp/trainer/model_file.hpp"
#include "sibp/trainer/training_state.hpp"

#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace sibp {

/// What only the whole run knows of a checkpoint.
struct RunFacts {
  Index steps = 0;              ///< of the whole run, as it was planned then
  Index batches_per_epoch = 0;  ///< of the training set in its order
  Index training_samples = 0;
  int ranks = 1;                      ///< that were at work; nothing depends on it
  std::int64_t metrics_bytes = 0;     ///< of metrics.jsonl
  std::string run{};                  ///< name of the run, unlike that of any other; empty in those of version 0.1
  std::optional<DataDigests> data{};  ///< nothing in checkpoints of version 0.1
  /// What the last bits may depend on, by name, for people: version, processor, device with its kernels.
  std::map<std::string, std::string> machine{};
};

/// A training at one step in host memory: all that it takes to go on from there, on any number of ranks. Random streams
/// are none of it: they depend on the seed, the epoch and the shard.
struct Checkpoint {
  TrainingState state;
  RunFacts run;
  std::map<std::string, Index> method_numbers;  ///< of UpdateRule::state()
  TensorFile tensors;                           ///< as model_to_tensors; "method.NAME" of UpdateRule::state() beside
  std::string config;                           ///< config.ini
};

/// Whether a text can be the name of a run: 1 to 64 letters and digits. Local.
bool is_run_name(std::string_view text);

/// The name of the tensor that holds a matrix of UpdateRule::state(). Local.
std::string tensor_of_method(const std::string& matrix);

/// A model, with what the method carries beside it.
inline constexpr const char* checkpoint_weights_name = "weights.safetensors";

/// The files config.ini, state.json and weights.safetensors. Local.
CheckpointFiles to_files(Checkpoint checkpoint);
/// The first two of them. Local.
CheckpointFiles to_text_files(const Checkpoint& checkpoint);

/// Throws Error (diverged): of `what`, such as "the weights of layer 1", no checkpoint is written. Local.
[[noreturn]] void throw_not_finite(const std::string& what, Index step);

/// Verifies and reads a checkpoint's folder. Local. Throws Error (model) naming the file and what is wrong with it:
/// damage, a step other than its name says, a number that is not finite, or a run other than `run`; an empty name is of
/// any run.
Checkpoint read_checkpoint(const std::filesystem::path& folder, const std::string& run = {});

/// Whether the folder is that of a whole checkpoint of the same run, step and data. Reads no weights but for their
/// digest. Local. Throws Error (runtime) if it cannot be read.
bool is_checkpoint_of(const std::filesystem::path& folder, const RunFacts& run, Index step);

/// The newest checkpoint of a folder that can be read.
struct NewestCheckpoint {
  std::filesystem::path path;
  Checkpoint checkpoint;
  std::vector<Index> damaged;         ///< steps of the newer ones, which cannot
  std::vector<std::string> messages;  ///< why, for each of these
};

/// Looks from the newest to the oldest, for one of `run`. Local. Nothing if there is no checkpoint; throws Error
/// (model) naming each if there are some, but none that can be used, Error (runtime) if one cannot be read, which is no
/// damage.
std::optional<NewestCheckpoint> read_newest_checkpoint(const CheckpointFolder& folder, const std::string& run = {});

/// Where a method's state comes from: rank 0's checkpoint; null on the other ranks.
/// Sets the state on all ranks. Collective. Throws AgreedError (model) naming what is missing or of another shape.
void restore_method(const UpdateContext& context, UpdateRule& rule, const Checkpoint* checkpoint);

}  // namespace sibp
