#pragma once

#include "sibp/core/file_operations.hpp"
#include "sibp/core/types.hpp"
#include "sibp/trainer/manifest.hpp"

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace sibp {

/// A folder of checkpoints, one folder step-00001200 for each, whatever is in them:
///
///   step-00001200/…              the files
///   step-00001200/manifest.json  their sizes and SHA-256 digests, written last
///   latest                       a symbolic link to the newest
///   damaged-00001200             one that set_aside() has put out of the way: damaged, or not what its place says
///   tmp-…                        what a save that was cut short left; never looked at, and removed by the next
///
/// After every single change to the disk there is a whole checkpoint if there was one before. Local; for one process at
/// a time. What cannot be written throws Error (runtime) naming the path and the system's reason.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path path, FileOperations& files = system_files());

  [[nodiscard]] const std::filesystem::path& path() const { return path_; }
  [[nodiscard]] std::filesystem::path path_of(Index step) const;
  /// The steps of which there are checkpoints, whole or not, ascending.
  [[nodiscard]] std::vector<Index> steps() const;

  using IsSame = std::function<bool(const std::filesystem::path&)>;

  /// Saves a checkpoint, which is then the latest: written under another name, flushed, then renamed. Nothing is done
  /// where one of that step is there and `is_same` says so of its folder; one that is not the same is set aside.
  void save(Index step, const CheckpointFiles& content, const IsSame& is_same = is_whole);
  /// The first half of save, for a checkpoint some of whose files others write: the folder that they write them into
  /// and flush; nothing where one is there that is the same.
  std::optional<std::filesystem::path> begin(Index step, const IsSame& is_same = is_whole);
  /// The second half. `written` lists the files that are in the folder already.
  void complete(Index step, const CheckpointFiles& content, const ListedFiles& written = {});
  /// In the place of the second half: a disk that was full has its room back for the next try. Throws nothing.
  void give_up(Index step);
  /// Removes all but `keep` of them: the newest ones, and that of `step` whether it is among these or not. That of
  /// `best` stays besides.
  void prune(Index keep, Index step = -1, Index best = -1);
  /// Removes what is left of saves that were cut short, and makes `latest` that of the newest checkpoint.
  void clean_up();
  /// Gives a checkpoint that cannot be used another name, so that it is neither taken for one nor counted.
  void set_aside(Index step);

 private:
  [[nodiscard]] std::filesystem::path part_of(Index step) const;
  void point_latest_at(Index step);

  std::filesystem::path path_;
  FileOperations& files_;
};

/// The step in a checkpoint's name, step-00001200; −1 for other names. Local.
Index step_of_name(const std::string& name);

/// Whether the folder is that of one checkpoint, whole or not. Local.
bool is_checkpoint(const std::filesystem::path& folder);

}  // namespace sibp
