#include "sibp/trainer/checkpointer.hpp"

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
  std::int64_t metrics_bytes = 0;
  HostWeights weights;
  std::map<std::string, HostMatrix> method_matrices;
  std::map<std::string, Index> method_numbers;

  void check_finite() const;
};

void Checkpointer::Copy::check_finite() const {
  const auto check = [&](const std::vector<Real>& values, const std::string& what) {
    if (!all_finite(values))
      throw Error(
          ExitStatus::diverged,
          fmt::format("{} not finite after step {}, so that no checkpoint of it is written; lower the step size "
                      "(--eta or --lr), raise --damping if the method has it, or use --warmup-steps",
                      what, state.step));
  };
  for (std::size_t i = 0; i < weights.size(); ++i) check(weights[i], fmt::format("the weights of layer {} are", i + 1));
  for (const auto& [name, matrix] : method_matrices) check(matrix.values, fmt::format("the method's {} is", name));
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
  copy->weights = download_weights(source_.device, source_.network);
  const UpdateState method = source_.rule.state();
  for (const auto& [name, matrix] : method.matrices) {
    Copy::HostMatrix host{matrix.rows, matrix.cols, std::vector<Real>(static_cast<std::size_t>(matrix.size()))};
    source_.device.download(matrix, host.values);
    copy->method_matrices.emplace(name, std::move(host));
  }
  for (const auto& [name, number] : method.numbers) copy->method_numbers[name] = number.get();
  return copy;
}

void Checkpointer::save(const TrainingState& state) {
  if (under_way_.valid()) under_way_.wait();
  collect();
  last_start_ = Clock::now();
  last_step_ = state.step;
  const auto copied = copy(state);
  copied->check_finite();
  try {
    if (source_.metrics_bytes) copied->metrics_bytes = source_.metrics_bytes();
  } catch (const Error&) {
    note_failure();
    return;
  }
  under_way_ = std::async(std::launch::async, [this, copied] { write(std::move(*copied)); });
}

void Checkpointer::write(Copy copy) {
  const auto start = Clock::now();
  const Index step = copy.state.step;
  const Best best = copy.state.best;
  const CheckpointFiles files = to_files(to_checkpoint(std::move(copy)));
  folder_.save(step, files,
               [&](const std::filesystem::path& there) { return is_checkpoint_of(there, source_.run, step); });
  verify_checkpoint(folder_.path_of(step));
  spdlog::info("checkpoint of step {} written to {} in {:.2f} s", step, folder_.path_of(step).string(),
               std::chrono::duration<double>(Clock::now() - start).count());
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

Checkpoint Checkpointer::to_checkpoint(Copy copy) const {
  Checkpoint checkpoint{
      .state = copy.state,
      .run = source_.run,
      .method_numbers = copy.method_numbers,
      .tensors = model_to_tensors(source_.network.spec, to_tensors(source_.network.spec, std::move(copy.weights)),
                                  source_.normalisation, source_.dataset),
      .config = source_.config};
  checkpoint.run.metrics_bytes = copy.metrics_bytes;
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
    note_failure();
  }
}

void Checkpointer::note_failure() {
  failure_ = current_failure();
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
