#pragma once

#include "sibp/trainer/block_writer.hpp"
#include "sibp/trainer/checkpoint.hpp"

#include <chrono>
#include <functional>
#include <future>
#include <memory>
#include <optional>
#include <string>

namespace sibp {

/// How often checkpoints are written beside that of the end: every so many steps, or after so many seconds; both 0:
/// never.
struct CheckpointInterval {
  Index steps = 0;
  double seconds = 0;
};

/// What checkpoints are taken of.
struct CheckpointSource {
  WeightSource weights;
  std::string config;                           ///< config.ini
  RunFacts run;                                 ///< but for the bytes of metrics.jsonl
  std::function<std::int64_t()> metrics_bytes;  ///< flushes metrics.jsonl and says how long it is; null: there is none
  const BlockWriter* blocks = nullptr;          ///< that of large weights, which outlives the checkpointer; null: none
};

/// Writes the checkpoints of a training, on rank 0: takes a copy while training waits, and writes it from a thread of
/// its own while training goes on. All functions are Local.
///
/// Large weights are written by all ranks (BlockWriter): then save() takes a copy of the rest and makes the file, and
/// complete() writes the rest once the blocks are there.
///
/// No checkpoint holds a number that is not finite, and older ones go only after the new one has been read back.
///
/// A checkpoint that cannot be written is an error in the log; training goes on with the one before it, unless there is
/// none: see failure(). The last one must be there at the end: see finish().
class Checkpointer {
 public:
  using OnWritten = std::function<void(const std::filesystem::path&, const Best&)>;

  /// `on_written` is called, from the thread that writes, after each checkpoint that is whole on the disk, with the
  /// best so far.
  Checkpointer(CheckpointSource source, CheckpointFolder folder, Index keep, double seconds_between,
               OnWritten on_written = nullptr);
  Checkpointer(const Checkpointer&) = delete;
  Checkpointer& operator=(const Checkpointer&) = delete;
  ~Checkpointer();

  /// Whether the time between two checkpoints is over.
  [[nodiscard]] bool due() const;
  /// Takes a copy of the training in this state and starts to write it, once the one before is written. Throws Error
  /// (diverged) naming what is not finite, and writes nothing then.
  void save(const TrainingState& state);
  /// The file that save() made for the blocks of large weights; empty if there is none to fill.
  [[nodiscard]] const std::filesystem::path& file_of_blocks() const { return file_of_blocks_; }
  /// Starts to write the rest of that checkpoint, or takes note of why there is none.
  void complete(const WrittenBlocks& blocks);
  /// Why training must end now: the first checkpoint of all cannot be written. Does not wait.
  [[nodiscard]] std::optional<Failure> failure();
  /// Returns when the last checkpoint is written, and has been read back and verified. `best` is the step of the best
  /// one, which stays whatever its age; −1: there is none. Throws Error if writing failed.
  void finish(Index best = -1);

 private:
  struct Copy;
  using Clock = std::chrono::steady_clock;

  [[nodiscard]] std::shared_ptr<Copy> copy(const TrainingState& state);
  [[nodiscard]] Checkpoint to_checkpoint(Copy copy) const;
  [[nodiscard]] CheckpointFolder::IsSame is_same(Index step) const;
  void make_file_of_blocks();
  void write(Copy copy, const ListedFiles& written = {});
  void prune(Index step, Index best);
  void collect();
  void note(Failure failure);

  CheckpointSource source_;
  CheckpointFolder folder_;
  Index keep_;
  double seconds_between_;
  OnWritten on_written_;
  Clock::time_point last_start_ = Clock::now();
  Index last_step_ = -1;            ///< of the last save
  bool has_one_;                    ///< whether the folder holds a checkpoint that is whole
  std::optional<Failure> failure_;  ///< of the last save
  std::future<void> under_way_;
  std::shared_ptr<Copy> waiting_;  ///< for its blocks
  std::filesystem::path file_of_blocks_;
};

}  // namespace sibp
