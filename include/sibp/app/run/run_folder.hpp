#pragma once

#include "sibp/app/run/run_lock.hpp"
#include "sibp/core/open_file.hpp"
#include "sibp/trainer/metrics.hpp"

#include <cstdint>
#include <deque>
#include <filesystem>
#include <string>
#include <string_view>

namespace sibp {

/// A file of lines that grows at its end. A line is there whole or not at all, even where the disk is full.
/// Not buffered: a line that append_line has returned from is the system's.
class LineFile {
 public:
  /// Makes the file. Local. Throws Error (runtime) naming it and the system's reason if it exists or cannot be made.
  explicit LineFile(std::filesystem::path path);
  /// Opens the file, or makes it, and cuts it back to `bytes`, if it is longer. Local. Throws Error (runtime) as above.
  LineFile(std::filesystem::path path, std::int64_t bytes);

  /// Adds `line`, which has no line break, and a line break. Local. Throws Error (runtime) naming the file and the
  /// system's reason; the file is as it was before then.
  void append_line(std::string_view line);
  /// What was added outlasts a power cut when this returns; the bytes of the file. Local. Throws as append_line.
  std::int64_t flush();

 private:
  LineFile(std::filesystem::path path, int flags, std::int64_t bytes);
  /// Throws for an errno that is not 0.
  void check(int reason) const;

  std::filesystem::path path_;
  OpenFile file_;
};

/// The folder that a run leaves its results in. No two runs share one: it is this run's from the moment it is claimed
/// by locking it and making metrics.jsonl in it, which also shows that it can be written to. A run that was stopped
/// goes on in its own.
class RunFolder {
 public:
  static constexpr const char* checkpoints_name = "checkpoints";
  static constexpr const char* metrics_name = "metrics.jsonl";
  static constexpr const char* model_name = "model.safetensors";
  static constexpr const char* averaged_model_name = "model-average.safetensors";

  /// Claims `out`, made with its parents if need be; if `out` is empty, a new folder runs/<YYYYMMDD-HHMMSS>-<name>,
  /// with a number behind if there is one already. Local, for rank 0. Throws Error (usage) naming --out if `out` is a
  /// file or a folder with something other than logs/ in it (the supervisor makes that before the start), Error
  /// (runtime) naming the folder and the system's reason if it cannot be made or written.
  static RunFolder claim(const std::filesystem::path& out, std::string_view name);

  /// Throws what claim() would throw as things are now, and makes nothing: to be asked before long work. Local, for
  /// rank 0.
  static void check_claimable(const std::filesystem::path& out);

  /// The folder of a run that goes on, once it is locked: metrics.jsonl is cut back to `metrics_bytes`, which a warning
  /// says that it does not have if records are lost, and what a run that was killed left unfinished is removed. Local.
  /// Throws Error (runtime) as claim().
  static RunFolder reopen(std::filesystem::path folder, RunLock lock, std::int64_t metrics_bytes);

  /// Whether a run has claimed the folder before. Local. Throws Error (runtime) if the system cannot tell.
  static bool is_of_a_run(const std::filesystem::path& folder);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path checkpoints() const { return path_ / checkpoints_name; }

  /// Writes a whole file of that name in the folder, or nothing. Local. Throws as write_file_whole.
  void write(std::string_view file_name, std::string_view content) const;

  /// Adds a line to metrics.jsonl. Local. Throws as LineFile::append_line.
  void append_metrics(const MetricsRecord& record) { metrics_.append_line(to_json_line(record)); }
  /// See LineFile::flush. Throws as check_place() as well.
  std::int64_t flush_metrics();
  /// Sees that the path still leads to the folder that was claimed: what is written there by name would be apart from
  /// the rest. Local. Throws Error (runtime) naming it.
  void check_place() const;

 private:
  RunFolder(std::filesystem::path path, RunLock lock, LineFile metrics);

  std::filesystem::path path_;
  RunLock lock_;
  LineFile metrics_;
  OpenFile folder_;  ///< stays the same where the folder is renamed
};

/// The path without the slash at its end, so that it has a last name. Local.
std::filesystem::path without_trailing_slash(const std::filesystem::path& path);

/// Writes every record of a training to its run folder. One that finds no room waits for the next, and a warning says
/// so: a full disk is no reason to end a training.
class MetricsWriter final : public TrainingObserver {
 public:
  explicit MetricsWriter(RunFolder& folder) : folder_(&folder) {}
  void on_step(Index, Index, double, Index) override {}
  void on_record(const MetricsRecord& record) override;

  /// Writes the records that wait. Local. Throws as RunFolder::append_metrics.
  void write_waiting();
  /// The same, and RunFolder::flush_metrics.
  std::int64_t flush();

 private:
  RunFolder* folder_;
  std::deque<MetricsRecord> waiting_;
};

}  // namespace sibp
