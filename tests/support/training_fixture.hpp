#pragma once

// A small training that leaves checkpoints, goes on from them, and can be stopped or disturbed after any step.

#include "sibp/core/heartbeat.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "support/networks.hpp"
#include "support/temporary_folder.hpp"

#include <cstring>
#include <functional>
#include <optional>

#include <gtest/gtest.h>

namespace sibp::testing_support {

/// Remembers the records, and steps in where a test says so.
class Recorder final : public TrainingObserver {
 public:
  void on_step(Index step, Index, double, Index) override {
    if (after_step) after_step(step);
  }
  void on_record(const MetricsRecord& record) override { records.push_back(record); }

  std::function<void(Index)> after_step;
  std::vector<MetricsRecord> records;
};

/// What must be equal: all but times and memory.
inline std::string text_of(MetricsRecord record) {
  record.seconds_step = record.seconds_total = record.samples_per_second = 0;
  record.seconds = {};
  record.collectives = {};
  record.peak_memory_bytes.reset();
  return to_json_line(record);
}

/// Trainings of 12 steps in folders of checkpoints, from the newest one on.
class TrainingTest : public testing::Test {
 protected:
  /// What a run leaves.
  struct Outcome {
    TrainingResult result;
    std::vector<std::vector<Real>> weights;
    std::vector<std::string> records;
  };

  TrainingTest() {
    data_.dataset = "synthetic";
    data_.synthetic_samples = 203;
    data_.synthetic_features = 12;
    data_.synthetic_classes = 5;
    options_.logical_shards = 7;
    options_.batch = 50;
    options_.steps = 12;  // 4 an epoch
    options_.log_every = 3;
    options_.method.forms = {Form::normal};
    options_.warmup_steps = 2;
  }

  /// Trains a ConvNet by a method that keeps all it can from step to step.
  void use_conv_net() {
    text_ = conv_net;
    data_.synthetic_shape = TensorShape{7, 6, 2};
    options_.method = sibp_of_conv_net();
  }

  /// The folder is rank 0's, and stays until all are done with it.
  void TearDown() override { all_.barrier(); }

  /// Trains, on all ranks in `folder`, from its newest checkpoint if there is one.
  Outcome run(const std::filesystem::path& folder, TrainingControl control = {}) {
    const auto device = make_cpu_device(1);
    PhaseClock clock;
    const Dataset dataset = open_dataset(data_);
    const TrainingData data = load_training_data(*device, world_, dataset, NormalisationKind::mean, 20, options_);
    const NetworkSpec spec = parse_network(text_, dataset.shape, Loss::softmax_cross_entropy, Activation::relu);
    Network network = make_network(*device, spec, {}, options_.seed);
    const UpdateContext context{*device, world_, clock};
    auto rule = make_update_rule(context, spec, options_.method, {options_.batch, data.order->largest_local_size()});
    std::optional<AveragedWeights> average;
    if (options_.method.average > 0) {
      average.emplace(*device, network, options_.method.average);
      rule = with_average(std::move(rule), *average);
      control.average = &*average;
    }
    // Every rank reads the folder, which a whole program leaves to rank 0.
    const auto newest = read_newest_checkpoint(CheckpointFolder(folder));
    if (newest) {
      network = network_from_tensors(*device, spec, newest->checkpoint.tensors, "the checkpoint");
      restore_method(context, *rule, &newest->checkpoint);
      control.start = newest->checkpoint.state;
    }
    world_.barrier();  // nobody writes before all have read
    const WeightSource source{*device, network, *rule, data.normalisation, "synthetic"};
    std::optional<BlockWriter> blocks;
    if (block_bytes_ > 0) control.blocks = &blocks.emplace(world_, source, writers_, block_bytes_);
    Checkpointer checkpointer({.weights = source,
                               .config = "",
                               .run = {.steps = *options_.steps, .batches_per_epoch = data.order->batches_per_epoch()},
                               .metrics_bytes = nullptr,
                               .blocks = control.blocks},
                              CheckpointFolder(folder), 2, 0);
    control.keeps_checkpoints = !folder.empty();
    if (world_.is_root() && control.keeps_checkpoints) control.checkpointer = &checkpointer;
    recorder_.records.clear();
    network_ = &network;
    Outcome outcome;
    outcome.result = train(context, *rule, network, data, options_, 0.5, &recorder_, control);
    outcome.weights = download_weights(*device, network);
    for (const MetricsRecord& record : recorder_.records) outcome.records.push_back(text_of(record));
    world_.barrier();
    return outcome;
  }

  /// Stops after `step`, on the request of the last rank alone.
  Outcome run_until(const std::filesystem::path& folder, Index step) {
    const bool asks = world_.rank() == world_.size() - 1;
    const Outcome outcome = run(folder, {.stop_requested = [&] {
                                  const Beat now = last_beat();
                                  return asks && now.activity == Activity::step && now.step >= step;
                                }});
    EXPECT_TRUE(outcome.result.stopped);
    EXPECT_EQ(outcome.result.step, step);
    return outcome;
  }

  void expect_same(const Outcome& resumed, const Outcome& whole, std::vector<std::string> records) {
    EXPECT_FALSE(resumed.result.stopped);
    ASSERT_EQ(resumed.weights.size(), whole.weights.size());
    for (std::size_t i = 0; i < whole.weights.size(); ++i)
      EXPECT_EQ(std::memcmp(resumed.weights[i].data(), whole.weights[i].data(), whole.weights[i].size() * sizeof(Real)),
                0)
          << "layer " << i + 1;
    records.insert(records.end(), resumed.records.begin(), resumed.records.end());
    EXPECT_EQ(records, whole.records);
  }

  Communicator all_ = make_mpi_communicator();
  Communicator world_ = all_;
  TemporaryFolder scratch_;
  /// One folder for all ranks.
  std::filesystem::path path_ = world_.broadcast(scratch_.path().string());
  DatasetOptions data_;
  TrainingOptions options_;
  std::string_view text_ = "dense(9) dense(6) dense(5)";
  std::uint64_t block_bytes_ = 0;  ///< of weights that all ranks write; 0: rank 0 writes them
  int writers_ = world_.size();
  Recorder recorder_;
  Network* network_ = nullptr;  ///< while train() runs
};

}  // namespace sibp::testing_support
