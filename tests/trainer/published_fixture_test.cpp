// The published method against runs of its authors' code (GNU Octave): MNIST, 784-500-10, batch 100, η = 0.1, λ = 1,
// from the same weights with the same batches. Needs the folders that TEST_DATA_DIR and TEST_FIXTURES_DIR name.
#include "sibp/core/file.hpp"
#include "sibp/data/batch_list.hpp"
#include "sibp/trainer/evaluation.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/trainer/training_step.hpp"
#include "sibp/update/methods.hpp"

#include "support/naive.hpp"
#include "support/step_fixture.hpp"

#include <cstdlib>
#include <cstring>
#include <map>
#include <numeric>
#include <sstream>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using naive::Dense;

constexpr bool in_double = sizeof(Real) == 8;

/// A rows × cols matrix from a file of little-endian T, column-major.
template <class T>
Dense read_matrix(const fs::path& file, Index rows, Index cols) {
  const std::string bytes = read_file(file);
  Dense matrix(rows, cols);
  EXPECT_EQ(bytes.size(), matrix.values.size() * sizeof(T)) << file;
  for (std::size_t k = 0; k < matrix.values.size(); ++k) {
    T value{};
    std::memcpy(&value, bytes.data() + k * sizeof(T), sizeof(T));
    matrix.values[k] = value;
  }
  return matrix;
}

/// W1, b1, W2, b2 after so many steps.
template <class T>
std::map<std::string, Dense> read_weights(const fs::path& folder, int step) {
  const auto read = [&](const std::string& name, Index rows, Index cols) {
    return read_matrix<T>(folder / fmt::format("{}_step{}.f{}", name, step, 8 * sizeof(T)), rows, cols);
  };
  return {
      {"W1", read("W1", 500, 784)}, {"b1", read("b1", 500, 1)}, {"W2", read("W2", 10, 500)}, {"b2", read("b2", 10, 1)}};
}

struct Losses {
  double training = 0;
  double test = 0;
};

/// Losses by step, from "step,train_loss,train_accuracy,test_loss,test_accuracy".
std::map<Index, Losses> read_losses(const fs::path& file) {
  std::istringstream text(read_file(file));
  std::map<Index, Losses> losses;
  std::string line;
  std::getline(text, line);
  while (std::getline(text, line)) {
    std::replace(line.begin(), line.end(), ',', ' ');
    std::istringstream fields(line);
    Index step = 0;
    double accuracy = 0;
    Losses values;
    fields >> step >> values.training >> accuracy >> values.test;
    losses[step] = values;
  }
  return losses;
}

std::vector<Index> up_to(Index end) {
  std::vector<Index> indices(static_cast<std::size_t>(end));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

class PublishedFixture : public testing::Test {
 protected:
  void SetUp() override {
    const char* data = std::getenv("TEST_DATA_DIR");
    const char* fixtures = std::getenv("TEST_FIXTURES_DIR");
    if (data == nullptr) GTEST_SKIP() << "TEST_DATA_DIR does not name a folder with mnist/ in it";
    if (fixtures == nullptr) GTEST_SKIP() << "TEST_FIXTURES_DIR does not name a folder with runs of the authors' code";
    fixtures_ = fixtures;
    run_ = fixtures_ / "mnist_784-500-10_eta0.1_lambda1";
    options_.method = default_options(Method::published);
    options_.logical_shards = 64;
    options_.batch_list = run_ / "batches.i32";
    open(fs::path(data) / "mnist");
    start_ = read_weights<float>(run_, 0);
    set_weights();
  }

  void open(const fs::path& folder) {
    DatasetOptions where;
    where.dataset = "mnist";
    where.data_dir = folder;
    const Dataset dataset = open_dataset(where);
    data_ = load_training_data(*device_, world_, dataset, NormalisationKind::none, 0, options_);
    first_samples_ = load_split(*device_, world_, *dataset.training, up_to(10000), options_.logical_shards);
    normalisation_ = to_device(*device_, data_.normalisation);
    network_ = make_empty_network(*device_,
                                  network_from_widths("500", 784, 10, Loss::softmax_cross_entropy, Activation::relu));
    workspace_.emplace(*device_, world_, network_,
                       workspace_capacity(network_.spec, data_.order->largest_local_size()));
    rule_ = make_update_rule(context_, network_.spec, options_.method, {});
  }

  void set_weights() {
    for (const std::string layer : {"1", "2"}) {
      Dense weights = start_.at("W" + layer);
      const Dense& bias = start_.at("b" + layer);
      weights.values.insert(weights.values.end(), bias.values.begin(), bias.values.end());
      ++weights.cols;
      device_->copy(naive::upload(*device_, weights).view(), weights_of(layer == "1" ? 0 : 1));
    }
  }

  MatrixView weights_of(std::size_t layer) { return network_.views(ParameterRole::weights)[layer]; }

  void take_step(Index step) {
    const std::span<const Index> columns = data_.order->local_batch(0, step);
    workspace_->set_samples(static_cast<Index>(columns.size()));
    device_->load_batch(*data_.training.samples, columns, normalisation_.shift.view(), normalisation_.scale.view(),
                        workspace_->inputs().values(), workspace_->labels());
    training_step(context_, *rule_, *workspace_, {data_.order->global_size(step), 0.1}, {.step = step + 1});
  }

  void expect_weights(const std::map<std::string, Dense>& expected, double tolerance, Index step) {
    for (const auto& [name, matrix] : expected) {
      const ConstMatrixView layer = weights_of(name.back() == '1' ? 0 : 1);
      const bool is_bias = name.front() == 'b';
      const Dense found = naive::download(
          *device_, is_bias ? layer.block(0, layer.cols - 1, layer.rows, 1) : layer.left_cols(layer.cols - 1));
      const double error = testing_support::change_error(found, matrix, start_.at(name));
      EXPECT_LT(error, tolerance) << name << " after " << step << " steps";
      note(fmt::format("{}_step{}", name, step), error);
    }
  }

  void expect_losses(const std::string& what, const std::map<Index, Losses>& reference, double tolerance, Index step) {
    const auto found = reference.find(step);
    if (found == reference.end()) return;
    const double training = loss_of(first_samples_) / found->second.training - 1;
    const double test = loss_of(data_.test) / found->second.test - 1;
    EXPECT_LT(std::abs(training), tolerance) << "training loss after " << step << " steps";
    EXPECT_LT(std::abs(test), tolerance) << "test loss after " << step << " steps";
    note(fmt::format("{}_step{}", what, step), std::max(std::abs(training), std::abs(test)));
  }

  double loss_of(const LocalSplit& split) {
    return evaluate(*device_, world_, split, normalisation_, *workspace_)->loss;
  }

  /// Measured errors go into the report of GoogleTest (--gtest_output).
  void note(const std::string& what, double error) { RecordProperty(what, fmt::format("{:.2e}", error)); }

  Communicator world_ = make_mpi_communicator();
  std::unique_ptr<Device> device_ = make_cpu_device(1);
  PhaseClock clock_;
  UpdateContext context_{*device_, world_, clock_};
  TrainingOptions options_;
  fs::path fixtures_;
  fs::path run_;
  TrainingData data_;
  LocalSplit first_samples_;
  DeviceNormalisation normalisation_;
  Network network_;
  std::optional<Workspace> workspace_;
  std::unique_ptr<UpdateRule> rule_;
  std::map<std::string, Dense> start_;
};

/// How far losses may be from those of the float32 run.
double loss_tolerance(Index step) {
  return step <= 10 ? 1e-4 : step <= 20 ? 2e-3 : 1e-2;
}

TEST_F(PublishedFixture, WeightsAndLossesAreThoseOfTheAuthorsCode) {
  const auto losses = read_losses(run_ / "losses.csv");
  const auto losses_in_double = read_losses(fixtures_ / "float64" / "losses_f64.csv");
  ASSERT_EQ(losses.size(), 7U);
  ASSERT_EQ(losses_in_double.size(), 7U);
  ASSERT_EQ(data_.order->batches_per_epoch(), 100);
  for (Index step = 1; step <= 100; ++step) {
    take_step(step - 1);
    expect_losses("losses_float32", losses, loss_tolerance(step), step);
    if (step == 1 || step == 5) expect_weights(read_weights<float>(run_, static_cast<int>(step)), 1e-3, step);
    if (!in_double) continue;
    expect_losses("losses_float64", losses_in_double, 1e-8, step);
    if (step == 20) expect_weights(read_weights<double>(fixtures_ / "float64", 20), 1e-9, step);
  }
}

}  // namespace
}  // namespace sibp
