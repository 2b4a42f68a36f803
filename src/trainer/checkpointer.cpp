#include "sibp/trainer/checkpointer.hpp"

#include "sibp/core/file_operations.hpp"
#include "sibp/core/finite.hpp"
#include "sibp/model/tensor_layout.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>
#include <spdlog/spdlog.h>

namespace sibp {

/// A checkpoint as it is taken: matrices as they lie on the device, which takes least time.
struct Checkpointer::Copy {
  struct HostMatrix {
    Index rows;
    Index cols;
    std::vector<Real> values;
  };

  TrainingState state;
  Clock::time_point taken = Clock::now();
  std::int64_t metrics_bytes = 0;
  HostWeights weights;
  std::map<std::string, HostMatrix> method_matrices;
  std::map<std::string, Index> method_numbers;

  void check_finite() const;
};

void Checkpointer::Copy::check_finite() const {
  for (std::size_t i = 0; i < weights.size(); ++i) {
    if (!all_finite(weights[i])) throw_not_finite(fmt::format("the weights of layer {}", i + 1), state.step);
  }
  for (const auto& [name, matrix] : method_matrices) {
    if (!all_finite(matrix.values)) throw_not_finite(fmt::format("the method's {}", name), state.step);
  }
}

Checkpointer::Checkpointer(CheckpointSource source, CheckpointFolder folder, Index keep, double seconds_between,
                           OnWritten on_written)
    : source_(std::move(source)),
      folder_(std::move(folder)),
      keep_(keep),
      seconds_between_(seconds_between),
      on_written_(std::move(on_written)),
      has_one_(!folder_.steps().empty()) {
}

Checkpointer::~Checkpointer() {
  if (under_way_.valid()) under_way_.wait();
}

bool Checkpointer::due() const {
  return seconds_between_ > 0 && std::chrono::duration<double>(Clock::now() - last_start_).count() >= seconds_between_;
}

std::shared_ptr<Checkpointer::Copy> Checkpointer::copy(const TrainingState& state) {
  auto copy = std::make_shared<Copy>();
  copy->state = state;
  const UpdateState method = source_.weights.rule.state();
  for (const auto& [name, number] : method.numbers) copy->method_numbers[name] = number.get();
  if (source_.blocks != nullptr) return copy;
  Device& device = source_.weights.device;
  copy->weights = download_weights(device, source_.weights.network);
  for (const auto& [name, matrix] : method.matrices) {
    Copy::HostMatrix host{matrix.rows, matrix.cols, std::vector<Real>(static_cast<std::size_t>(matrix.size()))};
    device.download(matrix, host.values);
    copy->method_matrices.emplace(name, std::move(host));
  }
  return copy;
}

void Checkpointer::save(const TrainingState& state) {
  if (under_way_.valid()) under_way_.wait();
  collect();
  file_of_blocks_.clear();
  last_start_ = Clock::now();
  last_step_ = state.step;
  const auto copied = copy(state);
  copied->check_finite();
  try {
    if (source_.metrics_bytes) copied->metrics_bytes = source_.metrics_bytes();
    if (source_.blocks != nullptr) {
      waiting_ = copied;
      make_file_of_blocks();
      return;
    }
  } catch (const Error&) {
    note(current_failure());
    return;
  }
  under_way_ = std::async(std::launch::async, [this, copied] { write(std::move(*copied)); });
}

void Checkpointer::make_file_of_blocks() {
  const Index step = waiting_->state.step;
  const auto folder = folder_.begin(step, is_same(step));
  if (!folder) {
    has_one_ = true;
    return;
  }
  try {
    system_files().make_file(*folder / checkpoint_weights_name, source_.blocks->bytes());
    file_of_blocks_ = *folder / checkpoint_weights_name;
  } catch (const Error&) {
    folder_.give_up(step);
    throw;
  }
}

void Checkpointer::complete(const WrittenBlocks& blocks) {
  const auto copied = std::exchange(waiting_, nullptr);
  if (blocks.failure) {
    folder_.give_up(copied->state.step);
    note(*blocks.failure);
    return;
  }
  under_way_ = std::async(std::launch::async, [this, copied, file = blocks.file] {
    write(std::move(*copied), {{checkpoint_weights_name, file}});
  });
}

CheckpointFolder::IsSame Checkpointer::is_same(Index step) const {
  return [this, step](const std::filesystem::path& there) { return is_checkpoint_of(there, source_.run, step); };
}

void Checkpointer::write(Copy copy, const ListedFiles& written) {
  const auto taken = copy.taken;
  const Index step = copy.state.step;
  const Best best = copy.state.best;
  Checkpoint checkpoint = to_checkpoint(std::move(copy));
  if (written.empty()) {
    folder_.save(step, to_files(std::move(checkpoint)), is_same(step));
  } else {
    folder_.complete(step, to_text_files(checkpoint), written);
  }
  verify_checkpoint(folder_.path_of(step), written);
  spdlog::info("checkpoint of step {} written to {} in {:.2f} s", step, folder_.path_of(step).string(),
               std::chrono::duration<double>(Clock::now() - taken).count());
  if (on_written_) on_written_(folder_.path_of(step), best);
  prune(step, best.step);
}

void Checkpointer::prune(Index step, Index best) {
  try {
    folder_.prune(keep_, step, best);
  } catch (const Error& error) {
    spdlog::warn("old checkpoints stay: {}", error.what());
  }
}

/// Without tensors where these are written in blocks.
Checkpoint Checkpointer::to_checkpoint(Copy copy) const {
  Checkpoint checkpoint{.state = copy.state,
                        .run = source_.run,
                        .method_numbers = copy.method_numbers,
                        .tensors = {},
                        .config = source_.config};
  checkpoint.run.metrics_bytes = copy.metrics_bytes;
  if (source_.blocks != nullptr) return checkpoint;
  const WeightSource& source = source_.weights;
  checkpoint.tensors = model_to_tensors(source.network.spec, to_tensors(source.network.spec, std::move(copy.weights)),
                                        source.normalisation, source.dataset);
  for (auto& [name, host] : copy.method_matrices) {
    checkpoint.tensors.tensors[tensor_of_method(name)] =
        to_tensor({host.values.data(), host.rows, host.cols, std::max<Index>(host.rows, 1)});
    host.values = {};
  }
  return checkpoint;
}

/// Takes note of what became of the last save.
void Checkpointer::collect() {
  if (!under_way_.valid()) return;
  try {
    under_way_.get();
    has_one_ = true;
    failure_.reset();
  } catch (...) {
    note(current_failure());
  }
}

void Checkpointer::note(Failure failure) {
  failure_ = std::move(failure);
  if (has_one_) spdlog::error("no checkpoint: {}; training goes on with an older one", failure_->message);
}

std::optional<Failure> Checkpointer::failure() {
  if (under_way_.valid() && under_way_.wait_for(std::chrono::seconds(0)) == std::future_status::ready) collect();
  return has_one_ ? std::nullopt : failure_;
}

void Checkpointer::finish(Index best) {
  if (under_way_.valid()) under_way_.wait();
  collect();
  if (failure_) throw Error(failure_->status, failure_->message);
  // The last weights may be the best, which was not known yet when they were written.
  if (last_step_ >= 0 && best == last_step_) prune(last_step_, best);
}

}  // namespace sibp
