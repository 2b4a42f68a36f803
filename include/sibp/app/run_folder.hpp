#pragma once

#include "sibp/trainer/metrics.hpp"

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
  LineFile(LineFile&& other) noexcept;
  LineFile& operator=(LineFile&& other) noexcept;
  ~LineFile();

  /// Adds `line`, which has no line break, and a line break. Local. Throws Error (runtime) naming the file and the
  /// system's reason; the file is as it was before then.
  void append_line(std::string_view line);

 private:
  std::filesystem::path path_;
  int file_ = -1;
};

/// The folder that a run leaves its results in. No two runs share one: it is this run's from the moment it is claimed
/// by making metrics.jsonl in it, which also shows that it can be written to.
class RunFolder {
 public:
  /// Claims `out`, made with its parents if need be; if `out` is empty, a new folder runs/<YYYYMMDD-HHMMSS>-<name>,
  /// with a number behind if there is one already. Local, for rank 0. Throws Error (usage) naming --out if `out` is a
  /// file or a folder with something in it, Error (runtime) naming the folder and the system's reason if it cannot be
  /// made or written.
  static RunFolder claim(const std::filesystem::path& out, std::string_view name);

  /// Throws what claim() would throw as things are now, and makes nothing: to be asked before long work. Local, for
  /// rank 0.
  static void check_claimable(const std::filesystem::path& out);

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }

  /// Writes a whole file of that name in the folder, or nothing. Local. Throws as write_file_whole.
  void write(std::string_view file_name, std::string_view content) const;

  /// Adds a line to metrics.jsonl. Local. Throws as LineFile::append_line.
  void append_metrics(const MetricsRecord& record) { metrics_.append_line(to_json_line(record)); }

 private:
  RunFolder(std::filesystem::path path, LineFile metrics) : path_(std::move(path)), metrics_(std::move(metrics)) {}

  std::filesystem::path path_;
  LineFile metrics_;
};

/// Writes every record of a training to its run folder.
class MetricsWriter final : public TrainingObserver {
 public:
  explicit MetricsWriter(RunFolder& folder) : folder_(&folder) {}
  void on_step(Index, Index, double, Index) override {}
  void on_record(const MetricsRecord& record) override { folder_->append_metrics(record); }

 private:
  RunFolder* folder_;
};

}  // namespace sibp
