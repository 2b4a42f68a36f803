// A whole training run on P ranks against the same run on one: the figures agree to rounding, replicas bit for bit.
#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include "support/files.hpp"
#include "support/naive.hpp"
#include "support/networks.hpp"
#include "support/nodes.hpp"

#include <cstring>
#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

struct Outcome {
  std::vector<naive::Dense> weights;
  MetricsRecord last;
};

/// Remembers every record; training must report on rank 0 alone.
class Recorder final : public TrainingObserver {
 public:
  void on_step(Index step, Index, double, Index) override { steps.push_back(step); }
  void on_record(const MetricsRecord& record) override { records.push_back(record); }

  std::vector<Index> steps;
  std::vector<MetricsRecord> records;
};

class Ranks : public testing::Test {
 protected:
  Outcome run(const Communicator& communicator, TrainingObserver* observer = nullptr) {
    const auto device = make_cpu_device(1);
    PhaseClock clock;
    const Dataset dataset = open_dataset(data_);
    const TrainingData data =
        load_training_data(*device, communicator, dataset, NormalisationKind::mean, validation_, options_);
    const NetworkSpec spec = parse_network(text_, dataset.shape, Loss::softmax_cross_entropy, Activation::relu);
    Network network = make_network(*device, spec, {}, options_.seed);
    const UpdateContext context{*device, communicator, clock};
    const BatchOrder order(data.training.sharding, options_.batch, options_.seed);
    const auto rule = make_update_rule(context, spec, options_.method, {options_.batch, order.largest_local_size()});
    Outcome outcome;
    outcome.last = train(context, *rule, network, data, options_, step_size_, observer).last;
    outcome.weights = testing_support::weights_of(*device, network);
    return outcome;
  }

  void expect_equal_replicas(const Outcome& outcome) const {
    for (const auto& weights : outcome.weights) {
      std::uint64_t checksum = 14695981039346656037U;  // FNV-1a over the bits
      for (const double value : weights.values) {
        std::uint64_t bits = 0;
        std::memcpy(&bits, &value, sizeof bits);
        checksum = (checksum ^ bits) * 1099511628211U;
      }
      EXPECT_EQ(world_.max(checksum), world_.min(checksum));
    }
  }

  Ranks() {
    data_.dataset = "synthetic";
    data_.synthetic_samples = 403;
    data_.synthetic_features = 20;
    data_.synthetic_classes = 5;
    options_.logical_shards = 7;
    options_.batch = 50;  // ragged on every number of ranks, and 3 samples in the last batch: ranks without any
    options_.steps = 20;
    options_.log_every = 4;
    options_.method.forms = {Form::normal};
  }

  void expect_same_as_one_rank() {
    const Outcome one = run(make_self_communicator());
    const Outcome many = run(world_);
    const double tolerance = sizeof(Real) == 4 ? 1e-4 : 1e-12;
    for (std::size_t i = 0; i < one.weights.size(); ++i)
      EXPECT_LT(naive::relative_difference(many.weights[i], one.weights[i]), tolerance) << "layer " << i + 1;
    EXPECT_NEAR(many.last.train.loss, one.last.train.loss, tolerance * (1 + one.last.train.loss));
    EXPECT_NEAR(many.last.test->loss, one.last.test->loss, 10 * tolerance * (1 + one.last.test->loss));
  }

  Communicator world_ = make_mpi_communicator();
  DatasetOptions data_;
  TrainingOptions options_;
  std::string_view text_ = "dense(17) dense(9) dense(5)";
  Index validation_ = 0;
  double step_size_ = 1;
};

/// Every method, and ProxProp in four ways.
std::vector<MethodOptions> all_methods() {
  std::vector<MethodOptions> all;
  for (const Method method : sibp::all_methods()) {
    if (method == Method::proxprop) continue;
    all.push_back(default_options(method));
    all.back().forms = {Form::normal};
  }
  for (const Optimiser outer : {Optimiser::sgd, Optimiser::adam}) {
    for (const Index cg_steps : {0, 3}) {
      all.push_back(default_options(Method::proxprop, outer));
      all.back().cg_steps = cg_steps;
      all.back().forms = {Form::dual_split};
    }
  }
  return all;
}

TEST_F(Ranks, WithAugmentationManyRanksAreOneRank) {
  data_.synthetic_shape = TensorShape{5, 4, 1};
  options_.augmentation = augmentation_from_text("flip:alternating,translate:1,cutout:2").value();
  expect_same_as_one_rank();
}

TEST_F(Ranks, ManyRanksAreOneRank) {
  for (const Form form : all_forms()) {
    SCOPED_TRACE(name_of(form));
    options_.method.forms = {form};
    expect_same_as_one_rank();
  }
}

TEST_F(Ranks, ManyRanksAreOneRankWithEveryMethod) {
  for (const MethodOptions& method : all_methods()) {
    SCOPED_TRACE(name_of(method.method));
    options_.method = method;
    step_size_ = default_step_size(method, testing_support::chain_of(3));
    expect_same_as_one_rank();
  }
}

TEST_F(Ranks, ManyRanksAreOneRankWithAConvNet) {
  text_ = testing_support::conv_net;
  data_.synthetic_shape = TensorShape{7, 6, 2};
  options_.steps = 9;  // with the short batch at the end of an epoch, and an evaluation by running statistics
  std::vector<MethodOptions> methods{testing_support::sibp_of_conv_net(), testing_support::sibp_of_conv_net()};
  methods[1].carry = Carry::old_weights;
  for (const Method method : {Method::sgd, Method::proxprop}) methods.push_back(default_options(method));
  methods.back().forms = {Form::normal};
  for (const MethodOptions& method : methods) {
    SCOPED_TRACE(name_of(method.method));
    options_.method = method;
    step_size_ = 0.1;
    expect_same_as_one_rank();
    expect_equal_replicas(run(world_));
  }
}

TEST_F(Ranks, ManyRanksAreOneRankWithOldWeightsCarried) {
  options_.method.carry = Carry::old_weights;
  expect_same_as_one_rank();
}

TEST_F(Ranks, ManyRanksAreOneRankWhereWeightsDecay) {
  options_.method.weight_decay = 0.1;
  for (const Form form : all_forms()) {
    for (const Carry carry : {Carry::new_weights, Carry::old_weights}) {
      SCOPED_TRACE(name_of(form));
      options_.method.forms = {form};
      options_.method.carry = carry;
      expect_same_as_one_rank();
      expect_equal_replicas(run(world_));
    }
  }
}

TEST_F(Ranks, ManyRanksAreOneRankOnBatchesSmallerThanTheJob) {
  options_.batch = 2;
  options_.method.damping = Damping{Damping::Kind::absolute, 5};
  expect_same_as_one_rank();
}

TEST_F(Ranks, ReplicasAreEqualBitForBit) {
  for (const Form form : all_forms()) {
    SCOPED_TRACE(name_of(form));
    options_.method.forms = {form};
    expect_equal_replicas(run(world_));
  }
}

TEST_F(Ranks, ManyRanksAreOneRankWhereTheyAreOnSeveralNodes) {
  world_ = testing_support::communicator_of_nodes(2, {Sums::shared, Wire::float32});
  for (const Form form : all_forms()) {
    SCOPED_TRACE(name_of(form));
    options_.method.forms = {form};
    expect_same_as_one_rank();
    expect_equal_replicas(run(world_));
  }
}

TEST_F(Ranks, MatricesThatTravelAsBfloat16TrainNearlyAsWell) {
  const Communicator rounded = make_mpi_communicator({Sums::library, Wire::bfloat16});
  const Communicator over_nodes = testing_support::communicator_of_nodes(2, {Sums::shared, Wire::bfloat16});
  options_.steps = 40;
  for (const Form form : all_forms()) {
    SCOPED_TRACE(name_of(form));
    options_.method.forms = {form};
    Recorder recorder;
    const Outcome exact = run(world_, &recorder);
    EXPECT_LT(exact.last.train.loss, 0.5 * recorder.records.front().train.loss);
    for (const Communicator& communicator : {rounded, over_nodes}) {
      const Outcome outcome = run(communicator);
      expect_equal_replicas(outcome);
      EXPECT_NEAR(outcome.last.train.loss, exact.last.train.loss, 0.05 * exact.last.train.loss);
    }
  }
}

TEST_F(Ranks, FormsAreOneAnother) {
  // Batches below, at and above the fan-in of the first layer (21), with weights carried either way.
  for (const Index batch : {10, 21, 60})
    for (const Carry carry : {Carry::new_weights, Carry::old_weights}) {
      options_.batch = batch;
      options_.method.carry = carry;
      options_.steps = 10;
      options_.method.forms = {Form::normal};
      const Outcome normal = run(world_);
      for (const Form form : all_forms()) {
        SCOPED_TRACE(fmt::format("{} at batch {}", name_of(form), batch));
        options_.method.forms = {form};
        const Outcome other = run(world_);
        for (std::size_t i = 0; i < normal.weights.size(); ++i)
          EXPECT_LT(naive::relative_difference(other.weights[i], normal.weights[i]), sizeof(Real) == 4 ? 1e-3 : 1e-10);
      }
    }
}

TEST_F(Ranks, ReplicasAreEqualBitForBitWithEveryMethod) {
  for (const MethodOptions& method : all_methods()) {
    SCOPED_TRACE(name_of(method.method));
    options_.method = method;
    step_size_ = default_step_size(method, testing_support::chain_of(3));
    expect_equal_replicas(run(world_));
  }
}

TEST_F(Ranks, AListOfBatchesIsFollowedOnAnyNumberOfRanks) {
  const testing_support::TemporaryFolder folder;
  options_.batch = 6;
  std::string rows;
  for (int k = 0; k < 4 * 6; ++k) {
    const int index = k % 6 == 5 ? 3 : k * 37 % 403;  // sample 3 in every row, and twice in the first
    for (int byte = 0; byte < 4; ++byte) rows += static_cast<char>(index >> 8 * byte & 0xff);
  }
  options_.batch_list = folder.write("batches.i32", rows);
  options_.steps = std::nullopt;
  expect_same_as_one_rank();
  EXPECT_EQ(run(world_).last.step, 4);  // the rows
  options_.steps = 3;
  EXPECT_EQ(run(world_).last.step, 3);
  options_.steps = 9;
  EXPECT_EQ(run(world_).last.step, 4);
}

TEST_F(Ranks, RecordsAreOfRankZeroAndComplete) {
  Recorder recorder;
  validation_ = 33;
  const Outcome outcome = run(world_, world_.is_root() ? &recorder : nullptr);
  ASSERT_TRUE(outcome.last.is_final);
  EXPECT_EQ(outcome.last.step, 20);
  EXPECT_TRUE(outcome.last.validation && outcome.last.test);
  if (!world_.is_root()) return;
  std::vector<Index> expected(20);
  std::iota(expected.begin(), expected.end(), 1);
  EXPECT_EQ(recorder.steps, expected);
  // 370 training samples are 8 batches: records every 4 steps, evaluations after the epochs' ends at 8 and 16
  ASSERT_EQ(recorder.records.size(), 5U);
  for (std::size_t k = 0; k < 5; ++k) {
    const MetricsRecord& record = recorder.records[k];
    EXPECT_EQ(record.step, static_cast<Index>(4 * (k + 1)));
    EXPECT_EQ(record.test.has_value(), k % 2 == 1 || k == 4);
    EXPECT_EQ(record.validation.has_value(), record.test.has_value());
    EXPECT_GT(record.seconds_step, 0);
    EXPECT_GT(record.samples_per_second, 0);
    EXPECT_GT(record.lambda_min, 0);
    EXPECT_EQ(record.bytes_reduced > 0, world_.size() > 1);
    const PhaseSeconds& s = record.seconds;
    EXPECT_LE(s.forward + s.backward + s.solve + s.communication + s.reading, record.seconds_step * (1 + 1e-9));
  }
  EXPECT_LT(recorder.records.back().train.loss, recorder.records.front().train.loss);
}

TEST_F(Ranks, EveryRecordMeasuresTheSameTrainingSamplesAndChangesNothing) {
  validation_ = 33;
  const Outcome without = run(world_);
  EXPECT_FALSE(without.last.training_sample);
  options_.training_sample = 100;
  Recorder recorder;
  const Outcome part = run(world_, world_.is_root() ? &recorder : nullptr);
  const Outcome one = run(make_self_communicator());
  EXPECT_NEAR(part.last.training_sample->loss, one.last.training_sample->loss, 1e-3);
  EXPECT_NE(part.last.training_sample->loss, part.last.train.loss);
  for (const MetricsRecord& record : recorder.records) EXPECT_TRUE(record.training_sample);
  for (std::size_t i = 0; i < part.weights.size(); ++i) EXPECT_EQ(part.weights[i].values, without.weights[i].values);
  options_.training_sample = 370;  // all that are left
  const Outcome all = run(world_);
  EXPECT_NEAR(all.last.training_sample->loss, all.last.train.loss, 1e-6);
  EXPECT_EQ(all.last.training_sample->accuracy, all.last.train.accuracy);
  options_.training_sample = 371;
  testing_support::expect_error(ExitStatus::usage, {"`training_sample` is 371", "370 training samples"},
                                [&] { run(world_); });
}

TEST_F(Ranks, EverySampleIsUsedOnceAnEpoch) {
  options_.steps.reset();
  options_.epochs = 2;
  Recorder recorder;
  const Outcome outcome = run(world_, world_.is_root() ? &recorder : nullptr);
  EXPECT_EQ(outcome.last.epoch, 2);
  EXPECT_EQ(outcome.last.step, 18);  // 403 samples: 8 batches of 50 and one of 3
}

}  // namespace
}  // namespace sibp
