// A training that stops anywhere and goes on from its checkpoint is the training that never stopped, bit for bit.
#include "sibp/core/heartbeat.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "support/files.hpp"

#include <cstring>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;

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
std::string text_of(MetricsRecord record) {
  record.seconds_step = record.seconds_total = record.seconds_hidden = record.samples_per_second = 0;
  record.seconds = {};
  record.peak_memory_bytes.reset();
  return to_json_line(record);
}

class Resume : public testing::Test {
 protected:
  /// What a run leaves.
  struct Outcome {
    TrainingResult result;
    std::vector<std::vector<Real>> weights;
    std::vector<std::string> records;
  };

  Resume() {
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

  /// The folder is rank 0's, and stays until all are done with it.
  void TearDown() override { all_.barrier(); }

  /// Trains, on all ranks in `folder`, from its newest checkpoint if there is one.
  Outcome run(const std::filesystem::path& folder, TrainingControl control = {}) {
    const auto device = make_cpu_device(1);
    PhaseClock clock;
    const Dataset dataset = open_dataset(data_);
    const TrainingData data = load_training_data(*device, world_, dataset, NormalisationKind::mean, 20, options_);
    const NetworkSpec spec =
        network_from_widths("9,6", dataset.features, dataset.classes, Loss::softmax_cross_entropy, Activation::relu);
    Network network = make_network(*device, spec, {}, options_.seed);
    const UpdateContext context{*device, world_, clock};
    const auto rule =
        make_update_rule(context, spec, options_.method, {options_.batch, data.order->largest_local_size()});
    // Every rank reads the folder, which a whole program leaves to rank 0.
    const auto newest = read_newest_checkpoint(CheckpointFolder(folder));
    if (newest) {
      network = network_from_tensors(*device, spec, newest->checkpoint.tensors, "the checkpoint");
      restore_method(context, *rule, &newest->checkpoint);
      control.start = newest->checkpoint.state;
    }
    world_.barrier();  // nobody writes before all have read
    Checkpointer checkpointer({.device = *device,
                               .network = network,
                               .rule = *rule,
                               .normalisation = data.normalisation,
                               .dataset = "synthetic",
                               .config = "",
                               .run = {.steps = *options_.steps, .batches_per_epoch = data.order->batches_per_epoch()},
                               .metrics_bytes = nullptr},
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
  Recorder recorder_;
  Network* network_ = nullptr;  ///< while train() runs
};

TEST_F(Resume, StoppedAfterAnyStepItIsTheSame) {
  const Outcome whole = run({});
  EXPECT_EQ(whole.records.size(), 6U);  // 3, 4, 6, 8, 9 and the end
  for (Index step = 1; step <= 12; ++step) {
    SCOPED_TRACE(step);
    const auto folder = path_ / fmt::format("step{}", step);
    const Outcome stopped = run_until(folder, step);
    expect_same(run(folder), whole, stopped.records);
  }
}

TEST_F(Resume, WithEveryMethodItIsTheSame) {
  std::vector<MethodOptions> methods;
  for (const Method method : {Method::sibp, Method::published, Method::sgd, Method::adam, Method::proxprop})
    methods.push_back(default_options(method));
  methods.push_back(default_options(Method::proxprop, Optimiser::adam));
  for (const Form form : {Form::normal, Form::activations, Form::dual, Form::dual_rows}) {
    methods.push_back(default_options(Method::sibp));
    methods.back().forms = {form};
    if (!has_gram(form)) continue;
    methods.push_back(methods.back());
    methods.back().refresh = {.every = 3, .burn_in = 2};
  }
  for (std::size_t k = 0; k < methods.size(); ++k) {
    SCOPED_TRACE(fmt::format("{} {}", name_of(methods[k].method), k));
    options_.method = methods[k];
    if (options_.method.forms.empty()) options_.method.forms = {Form::normal};
    const Outcome whole = run({});
    const auto folder = path_ / fmt::format("method{}", k);
    const Outcome stopped = run_until(folder, 7);
    expect_same(run(folder), whole, stopped.records);
  }
}

TEST_F(Resume, StoppedAgainAndAgainItIsTheSame) {
  const Outcome whole = run({});
  std::vector<std::string> records;
  for (const Index step : {1, 2, 4, 5, 6, 11}) {
    const Outcome part = run_until(path_ / "again", step);
    records.insert(records.end(), part.records.begin(), part.records.end());
  }
  expect_same(run(path_ / "again"), whole, records);
}

TEST_F(Resume, StoppedInAnEvaluationItMakesItLater) {
  const Outcome whole = run({});
  for (const Index evaluated : {4, 12}) {  // the first on the way and the final one
    const auto folder = path_ / fmt::format("evaluation{}", evaluated);
    int questions = 0;
    const auto stop = [&] {
      const Beat now = last_beat();
      return now.activity == Activity::evaluation && now.step == evaluated && ++questions > world_.rank();
    };
    const Outcome stopped = run(folder, {.stop_requested = stop});
    EXPECT_TRUE(stopped.result.stopped);
    EXPECT_EQ(stopped.result.step, evaluated);
    expect_same(run(folder), whole, stopped.records);
  }
}

TEST_F(Resume, ARunThatHasEndedIsEvaluatedAgain) {
  const Outcome whole = run(path_ / "ended");
  const Outcome again = run(path_ / "ended");
  expect_same(again, whole, {whole.records.begin(), whole.records.end() - 1});
}

TEST_F(Resume, ALongerRunGoesOnWhereAShorterOneEnded) {
  options_.schedule = Schedule::constant;  // with another, η depends on the length of the run
  options_.steps = 10;
  const Outcome part = run(path_ / "longer");
  options_.steps = 12;
  const Outcome longer = run(path_ / "longer");
  const Outcome whole = run({});
  expect_same(longer, whole, {part.records.begin(), part.records.end() - 1});
  options_.steps = 11;
  expect_error(ExitStatus::usage, {"11 steps", "step 12"}, [&] { run(path_ / "longer"); });
}

TEST_F(Resume, CheckpointsComeAtTheirStepsAndTheNewestAreKept) {
  run(path_ / "every", {.checkpoint_every = 5});
  EXPECT_THAT(CheckpointFolder(path_ / "every").steps(), testing::ElementsAre(10, 12));
}

TEST_F(Resume, OneRankGoesOnFromACheckpointOfManyWithTheSameBatches) {
  run_until(path_ / "many", 6);
  const auto alone = path_ / fmt::format("alone{}", world_.rank());
  std::filesystem::copy(path_ / "many", alone,
                        std::filesystem::copy_options::recursive | std::filesystem::copy_options::copy_symlinks);
  world_.barrier();
  run(path_ / "many");
  const std::vector<MetricsRecord> together = recorder_.records;
  world_ = make_self_communicator();
  run(alone);
  ASSERT_EQ(recorder_.records.size(), together.size());
  for (std::size_t k = 0; k < together.size(); ++k)
    EXPECT_NEAR(recorder_.records[k].train.loss, together[k].train.loss, 1e-4 * together[k].train.loss);
}

TEST_F(Resume, AFirstCheckpointThatCannotBeWrittenEndsTheRunOnEveryRank) {
  const auto file = world_.is_root() ? scratch_.write("file", "") : path_ / "file";
  world_.barrier();
  expect_error(ExitStatus::runtime, {"file/below"}, [&] {
    options_.steps = 500;
    run(file / "below", {.checkpoint_every = 1});
  });
}

/// From one step to another a folder stands where a checkpoint's link is to be put.
std::function<void(Index)> block(const std::filesystem::path& folder, Index from, Index to) {
  return [=](Index step) {
    if (step == from) {
      std::filesystem::remove(folder / "latest");
      std::filesystem::create_directories(folder / "latest" / "in the way");
    }
    if (step == to) std::filesystem::remove_all(folder / "latest");
  };
}

TEST_F(Resume, ALaterCheckpointThatCannotBeWrittenDoesNotEndTheRun) {
  const auto folder = path_ / "blocked";
  if (world_.is_root()) recorder_.after_step = block(folder, 5, 9);
  const Outcome outcome = run(folder, {.checkpoint_every = 2});
  EXPECT_EQ(outcome.result.step, 12);
  EXPECT_FALSE(outcome.result.stopped);
  EXPECT_EQ(std::filesystem::read_symlink(folder / "latest"), "step-00000012");
}

TEST_F(Resume, ALastCheckpointThatCannotBeWrittenIsAnError) {
  const auto folder = path_ / "blocked-at-the-end";
  if (world_.is_root()) recorder_.after_step = block(folder, 9, -1);
  expect_error(ExitStatus::runtime, {"latest"}, [&] { run(folder, {.checkpoint_every = 4}); });
}

// --- replicas ---

/// Flips a bit of one weight on one rank after a step.
class Replicas : public Resume {
 protected:
  void flip_after(Index step, int rank, std::size_t layer, Index element, int bit) {
    recorder_.after_step = [=, this](Index done) {
      if (done != step || world_.rank() != rank) return;
      auto* bytes = reinterpret_cast<unsigned char*>(network_->weights[layer].view().data + element);
      bytes[static_cast<std::size_t>(bit) / 8] ^= static_cast<unsigned char>(1 << bit % 8);
    };
  }
};

TEST_F(Replicas, AFlippedBitIsFoundWithinTheStepsOfACheckThirtyTimesOfThirty) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  options_.log_every = 0;
  options_.evaluate_every = 100;
  std::mt19937_64 random(3);
  constexpr Index check_every = 4;
  for (int k = 0; k < 30; ++k) {
    const auto step = static_cast<Index>(random() % 8) + 1;  // a check follows within 12 steps
    const int rank = static_cast<int>(random() % static_cast<unsigned>(world_.size()));
    const std::size_t layer = random() % 3;
    // Bits of the mantissa that are too small to see in the loss, and too large to vanish in the rounding of an update.
    const int bit = (sizeof(Real) == 4 ? 12 : 40) + static_cast<int>(random() % 11);
    flip_after(step, rank, layer, static_cast<Index>(random() % 30), bit);
    SCOPED_TRACE(fmt::format("step {}, rank {}, layer {}", step, rank, layer + 1));
    const Index found = (step + check_every - 1) / check_every * check_every;
    // By then the steps have spread the difference over layers, and perhaps over ranks.
    expect_error(ExitStatus::disagree, {fmt::format("after step {} ", found), "layer", "rank"},
                 [&] { run({}, {.check_every = check_every}); });
  }
}

TEST_F(Replicas, TheRankAndTheLayerAreNamed) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  const int last = world_.size() - 1;
  flip_after(4, last, 1, 3, 0);
  const std::string who =
      world_.size() == 2 ? "are not the same on ranks 0 and 1" : fmt::format("on rank {} are not those", last);
  expect_error(ExitStatus::disagree, {"after step 4 the weights of layer 2 " + who},
               [&] { run({}, {.check_every = 1}); });
}

TEST_F(Replicas, NoCheckpointHoldsWeightsThatDiffer) {
  if (world_.size() == 1) GTEST_SKIP() << "one rank has nobody to compare with";
  options_.method = default_options(Method::adam);
  flip_after(6, 0, 0, 0, 0);
  expect_error(ExitStatus::disagree, {"after step 8"}, [&] { run(path_ / "kept", {.checkpoint_every = 4}); });
  world_.barrier();
  EXPECT_THAT(CheckpointFolder(path_ / "kept").steps(), testing::ElementsAre(4));
}

}  // namespace
}  // namespace sibp
