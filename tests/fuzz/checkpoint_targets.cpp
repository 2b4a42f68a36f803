// The readers of checkpoints: the manifest and the state of the training.
#include "sibp/trainer/checkpoint.hpp"

#include "fuzz/input.hpp"
#include "support/temporary_folder.hpp"

#include <type_traits>

namespace sibp::fuzz {
namespace {

using testing_support::TemporaryFolder;

void write_all(const TemporaryFolder& folder, const CheckpointFiles& files) {
  for (const auto& [name, content] : files) folder.write(name, content);
}

/// A checkpoint on the disk, all of whose files but its state stay as they are.
class CheckpointOnDisk {
 public:
  CheckpointOnDisk() {
    files_["config.ini"] = "dataset = synthetic\n";
    files_["weights.safetensors"] =
        to_safetensors({.tensors = {{"layers.0.bias", {.shape = {2}, .values = {1, -2}}}}, .metadata = {}});
    write_all(folder_, files_);
  }

  Checkpoint read(const std::string& state) {
    files_["state.json"] = state;
    folder_.write("state.json", state);
    folder_.write("manifest.json", manifest_of(files_));
    return read_checkpoint(folder_.path());
  }

 private:
  TemporaryFolder folder_;
  CheckpointFiles files_;
};

}  // namespace

void manifest(Bytes input) {
  static const CheckpointFiles files{{"a", "abc"}, {"b", "b"}, {"c", ""}};
  static const TemporaryFolder folder;
  static const bool is_written = (write_all(folder, files), true);
  check(is_written, "the files are there");
  const std::string text = text_of(input);
  folder.write("manifest.json", text);
  const auto verified = unless_refused(ExitStatus::model, [&] {
    verify_checkpoint(folder.path());
    return true;
  });
  // In blocks or whole, the digests are those of the files.
  const bool has_blocks = text.find("sha256_of_blocks") != std::string::npos;
  if (verified)
    check(has_blocks || text == manifest_of(files), "what is verified is the manifest of all files that are there");
}

void state(Bytes input) {
  static CheckpointOnDisk disk;
  const auto checkpoint = unless_refused(ExitStatus::model, [&] { return disk.read(text_of(input)); });
  if (!checkpoint) return;
  const TrainingState& state = checkpoint->state;
  check(checkpoint->run.batches_per_epoch > 0, "an epoch has batches");
  check(checkpoint->run.ranks > 0, "ranks were at work");
  check(state.interval.steps <= state.step, "the last record is none of before the start");
  const std::string written = to_files(*checkpoint).at("state.json");
  check(to_files(disk.read(written)).at("state.json") == written, "a state is written as it was read");
}

}  // namespace sibp::fuzz
