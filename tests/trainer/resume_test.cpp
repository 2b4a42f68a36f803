// A training that stops anywhere and goes on from its checkpoint is the training that never stopped, bit for bit.
#include "support/files.hpp"
#include "support/training_fixture.hpp"

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;
using Resume = testing_support::TrainingTest;

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
  for (const Method method : all_methods()) methods.push_back(default_options(method));
  methods.push_back(default_options(Method::proxprop, Optimiser::adam));
  for (const Form form : all_forms()) {
    methods.push_back(default_options(Method::sibp));
    methods.back().forms = {form};
    if (!has_gram(form)) continue;
    methods.push_back(methods.back());
    methods.back().refresh = {.every = 3, .burn_in = 2};
    methods.push_back(methods.back());
    methods.back().refresh.lags = true;
  }
  methods.push_back(default_options(Method::sibp));
  methods.back().average = 0.9;
  methods.push_back(default_options(Method::sibp));
  methods.back().step = {.kind = StepRule::Kind::relative};
  methods.back().momentum = 0.8;
  methods.push_back(methods.back());
  methods.back().momentum_of_gradient = true;
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

TEST_F(Resume, WithAugmentationItIsTheSame) {
  data_.synthetic_shape = TensorShape{4, 3, 1};
  const Outcome plain = run({});
  for (const char* list : {"flip,translate:1", "flip:alternating,cutout:2"}) {
    SCOPED_TRACE(list);
    options_.augmentation = augmentation_from_text(list).value();
    const Outcome whole = run({});
    EXPECT_NE(whole.weights, plain.weights);
    const auto folder = path_ / list;
    const Outcome stopped = run_until(folder, 6);  // in the second epoch
    expect_same(run(folder), whole, stopped.records);
  }
}

TEST_F(Resume, AConvNetIsTheSame) {
  use_conv_net();
  for (const Method method : {Method::sibp, Method::adam}) {
    SCOPED_TRACE(name_of(method));
    if (method == Method::adam) options_.method = default_options(method);
    const Outcome whole = run({});
    for (const Index step : {1, 6, 7, 12}) {  // in the burn-in, before and after A is formed anew, at the end
      const auto folder = path_ / fmt::format("{}{}", name_of(method), step);
      const Outcome stopped = run_until(folder, step);
      expect_same(run(folder), whole, stopped.records);
    }
  }
}

TEST_F(Resume, AConvNetWithMeansThatLagIsTheSame) {
  use_conv_net();
  options_.method.refresh.lags = options_.method.convolution.refresh.lags = true;
  for (const StepRule& rule : {StepRule{StepRule::Kind::relative, 0.1}, StepRule{StepRule::Kind::spectral, 0.1}})
    for (const Index every : {1, 3}) {
      options_.method.step = rule;
      options_.method.convolution.refresh.every = every;
      const Outcome whole = run({});
      for (const Index step : {1, 4, 6, 7}) {  // in the burn-in, after its end, after a step at which A was due or not
        const auto folder = path_ / fmt::format("{}-{}-{}", static_cast<int>(rule.kind), every, step);
        const Outcome stopped = run_until(folder, step);
        expect_same(run(folder), whole, stopped.records);
      }
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

/// Goes on from a checkpoint of all ranks on all, and on each alone.
class OnAnotherNumberOfRanks : public Resume {
 protected:
  void expect_same_training() {
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
    for (std::size_t k = 0; k < together.size(); ++k) {
      const MetricsRecord& record = recorder_.records[k];
      EXPECT_NEAR(record.train.loss, together[k].train.loss, 1e-4 * together[k].train.loss);
      if (record.test) {
        EXPECT_NEAR(record.test->loss, together[k].test->loss, 1e-3 * together[k].test->loss);
      }
    }
  }
};

TEST_F(OnAnotherNumberOfRanks, BatchesAreTheSame) {
  expect_same_training();
}

TEST_F(OnAnotherNumberOfRanks, AConvNetGoesOn) {
  use_conv_net();
  expect_same_training();
}

}  // namespace
}  // namespace sibp
