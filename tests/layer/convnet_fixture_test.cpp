// Steps of sibp on small convolutional networks against an independent implementation in double, which wrote its
// weights, batches and losses into the folder that TEST_FIXTURES_DIR names.
#include "sibp/core/file.hpp"
#include "sibp/layer/language.hpp"

#include "support/step_fixture.hpp"

#include <cstdlib>
#include <cstring>

#include <fmt/format.h>
#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

namespace fs = std::filesystem;
using namespace testing_support;

/// All values of a file of little-endian T.
template <class T>
std::vector<T> read_values(const fs::path& file) {
  const std::string bytes = read_file(file);
  std::vector<T> values(bytes.size() / sizeof(T));
  std::memcpy(values.data(), bytes.data(), values.size() * sizeof(T));
  return values;
}

class ConvNetFixture : public testing::TestWithParam<std::tuple<const char*, Deal>> {
 protected:
  void SetUp() override {
    const char* fixtures = std::getenv("TEST_FIXTURES_DIR");
    if (fixtures == nullptr) GTEST_SKIP() << "TEST_FIXTURES_DIR does not name a folder with convnet/ in it";
    folder_ = fs::path(fixtures) / "convnet" / std::get<0>(GetParam());
    oracle_ = nlohmann::json::parse(read_file(folder_ / "oracle.json"));
    spec_ =
        parse_network(oracle_["network"].get<std::string>(), {oracle_["height"], oracle_["width"], oracle_["channels"]},
                      Loss::softmax_cross_entropy, Activation::relu);
  }

  /// The parameter tensors after so many steps, by their names in files.
  [[nodiscard]] std::map<std::string, Tensor> tensors_after(int step) const {
    std::map<std::string, Tensor> tensors;
    for (const auto& parameter : oracle_["parameters"])
      for (const char* piece : {"weight", "bias", "scale", "shift"}) {
        if (!parameter.contains(piece)) continue;
        const int index = parameter["index"];
        tensors[fmt::format("layers.{}.{}", index, piece)].values =
            read_values<Real>(folder_ / fmt::format("{}.{}.step{}.f64", index, piece, step));
      }
    return tensors;
  }

  /// Fills the network's parameters with the start.
  void set_start(RankOfStep& rank) {
    TensorFile file{to_tensors(rank.device(), rank.network()), {}};
    for (const auto& [name, tensor] : start_) {
      ASSERT_EQ(file.tensors.at(name).values.size(), tensor.values.size()) << name;
      file.tensors.at(name).values = tensor.values;
    }
    Network network = network_from_tensors(rank.device(), spec_, file, "the fixture");
    for (std::size_t k = 0; k < network.parameters.size(); ++k)
      rank.device().copy(network.parameters[k].matrix.view(), rank.network().parameters[k].matrix.view());
  }

  [[nodiscard]] ToyBatch batch_of(Index step) const {
    const Index samples = oracle_["samples"];
    ToyBatch batch{naive::Dense(spec_.inputs(), samples), {}};
    const auto inputs = read_values<double>(folder_ / "inputs.f64");
    const auto labels = read_values<std::int32_t>(folder_ / "labels.i32");
    std::copy_n(inputs.begin() + step * spec_.inputs() * samples, spec_.inputs() * samples,
                batch.inputs.values.begin());
    batch.labels.assign(labels.begin() + step * samples, labels.begin() + (step + 1) * samples);
    return batch;
  }

  void expect_tensors(RankOfStep& rank, int step) {
    const auto expected = tensors_after(step);
    const auto found = to_tensors(rank.device(), rank.network());
    for (const auto& [name, tensor] : expected) {
      const auto dense = [&](const std::vector<Real>& values) {
        naive::Dense all(static_cast<Index>(values.size()), 1);
        all.values.assign(values.begin(), values.end());
        return all;
      };
      const double error =
          change_error(dense(found.at(name).values), dense(tensor.values), dense(start_.at(name).values));
      EXPECT_LT(error, 1e-10) << name << " after " << step << " steps";
    }
  }

  fs::path folder_;
  nlohmann::json oracle_;
  NetworkSpec spec_;
  std::map<std::string, Tensor> start_;
};

TEST_P(ConvNetFixture, StepsAreThoseOfTheIndependentImplementation) {
  const Damping damping{Damping::Kind::relative, oracle_["rho"]};
  RankOfStep rank(make_mpi_communicator(), spec_, {}, oracle_["samples"],
                  [&](const auto& context, const auto& network) {
                    ProximalOptions options{damping, Carry::new_weights, {Form::normal}, {32, 32}};
                    options.convolution = {.damping = damping, .refresh = {}, .sample = 1};
                    return make_semi_implicit(context, network, options);
                  });
  start_ = tensors_after(0);
  set_start(rank);
  for (int step = 0; step < oracle_["steps"]; ++step) {
    const ToyBatch batch = batch_of(step);
    rank.load(batch, std::get<1>(GetParam()));
    const LossSums sums = rank.repeat(batch.inputs.cols, oracle_["eta"]);
    const double expected = oracle_["loss_before_step"][static_cast<std::size_t>(step)];
    EXPECT_NEAR(sums.loss / static_cast<double>(batch.inputs.cols), expected, 1e-12) << "loss before step " << step + 1;
    if (step == 0) expect_tensors(rank, 1);
  }
  expect_tensors(rank, 3);
}

INSTANTIATE_TEST_SUITE_P(Networks, ConvNetFixture,
                         testing::Combine(testing::Values("chain", "residual"),
                                          testing::Values(in_turn, threes, all_to_last)));

}  // namespace
}  // namespace sibp
