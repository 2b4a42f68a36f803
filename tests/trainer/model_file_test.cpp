// What model files say of their inputs, and files from before they said it.
#include "sibp/trainer/model_file.hpp"

#include "sibp/layer/language.hpp"

#include "support/files.hpp"

#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing_support::expect_error;
using testing_support::TemporaryFolder;

/// A model of a network of one layer for samples of this shape; weight and normalisation of input i are told by i.
TensorFile numbered_model(const TensorShape& shape, const std::string& dataset) {
  const Index inputs = shape.size();
  std::vector<Real> numbers(static_cast<std::size_t>(inputs));
  std::iota(numbers.begin(), numbers.end(), Real(0));
  std::vector<Real> weights = numbers;
  for (const Real number : numbers) weights.push_back(-number);
  return model_to_tensors(parse_network("dense(2)", inputs, Loss::softmax_cross_entropy, Activation::relu),
                          {{"layers.0.weight", {{2, inputs}, weights}}, {"layers.0.bias", {{2}, {8, 9}}}},
                          {NormalisationKind::standard, numbers, numbers, shape}, dataset);
}

class ModelFile : public testing::Test {
 protected:
  [[nodiscard]] std::filesystem::path write(const TensorFile& file) const {
    return folder_.write("model.safetensors", to_safetensors(file));
  }
  /// The model as it was written before files had a shape.
  [[nodiscard]] std::filesystem::path write_old(const TensorShape& shape, const std::string& dataset) const {
    TensorFile file = numbered_model(shape, dataset);
    file.metadata.erase("shape");
    return write(file);
  }

  TemporaryFolder folder_;
  std::unique_ptr<Device> device_ = make_cpu_device(1);
};

/// Where red, green and blue of pixel 1 come first in a planar file, by input.
constexpr Index planar_inputs[] = {1, 1025, 2049};

TEST_F(ModelFile, KeepsTheShapeOfItsInputs) {
  const Model model = read_model(write(numbered_model({2, 3, 3}, "cifar10")));
  EXPECT_EQ(model.normalisation.shape, (TensorShape{2, 3, 3}));
  EXPECT_EQ(model.normalisation.shift[4], Real(4));
}

TEST_F(ModelFile, HasNoScaleWhereThatIsFixed) {
  const NetworkSpec spec = parse_network("norm(scale=fixed) conv(4,1) norm(group=2,scale=fixed) norm dense(2)",
                                         {2, 2, 3}, Loss::softmax_cross_entropy, Activation::relu);
  Network network = make_network(*device_, spec, {}, 3);
  for (const MatrixView scales : network.views(ParameterRole::scales)) {
    const bool is_fixed = scales.cols == 1;
    device_->fill(scales.block(0, is_fixed ? 0 : 1, scales.rows, 1), Real(0.25));
  }
  const std::vector<Real> numbers(12, 1);
  const auto path = write(model_to_tensors(spec, to_tensors(*device_, network),
                                           {NormalisationKind::standard, numbers, numbers, spec.input}, "made up"));
  const Model model = read_model(path);
  EXPECT_EQ(model.spec, spec);
  const auto shape_of = [&](const char* name) { return model.file.tensors.at(name).shape; };
  EXPECT_EQ(shape_of("layers.0.shift"), std::vector<Index>{3});
  EXPECT_EQ(shape_of("layers.2.shift"), std::vector<Index>{4});
  EXPECT_EQ(shape_of("layers.3.scale"), std::vector<Index>{4});
  EXPECT_FALSE(model.file.tensors.contains("layers.0.scale"));
  EXPECT_FALSE(model.file.tensors.contains("layers.2.scale"));
  Network again = network_from_tensors(*device_, model.spec, model.file, "the model");
  EXPECT_EQ(download_weights(*device_, again), download_weights(*device_, network));
  EXPECT_EQ(again.views(ParameterRole::scales)[0].cols, 1);
}

TEST_F(ModelFile, AnOldOneOfGreyPicturesIsAsItWas) {
  const Model model = read_model(write_old({28, 28, 1}, "mnist"));
  EXPECT_EQ(model.normalisation.shape, (TensorShape{1, 1, 784}));
  for (std::size_t i = 0; i < 784; ++i) EXPECT_EQ(model.normalisation.shift[i], static_cast<Real>(i));
}

TEST_F(ModelFile, AnOldOneOfCifar10IsConverted) {
  const auto path = write_old({32, 32, 3}, "cifar10");
  EXPECT_TRUE(is_planar(read_safetensors(path)));
  const Model model = read_model(path);
  EXPECT_FALSE(is_planar(model.file));
  EXPECT_EQ(model.normalisation.shape, (TensorShape{32, 32, 3}));
  const Network network = network_from_tensors(*device_, model.spec, model.file, "the model");
  const Network start = read_weights(*device_, model.spec, path);
  for (const Network* read : {&network, &start}) {
    std::vector<Real> weights(static_cast<std::size_t>(model.spec.parameters()));
    device_->download(read->parameters[0].matrix.view(), weights);
    for (std::size_t channel = 0; channel < 3; ++channel) {
      const std::size_t input = 3 * 1 + channel;
      EXPECT_EQ(weights[2 * input], static_cast<Real>(planar_inputs[channel]));
      EXPECT_EQ(weights[2 * input + 1], static_cast<Real>(-planar_inputs[channel]));
      EXPECT_EQ(model.normalisation.shift[input], static_cast<Real>(planar_inputs[channel]));
      EXPECT_EQ(model.normalisation.scale[input], static_cast<Real>(planar_inputs[channel]));
    }
    EXPECT_EQ(weights[2 * 3072], Real(8));  // the bias stays
  }
}

TEST_F(ModelFile, AShapeThatDoesNotFitIsRefused) {
  for (const char* text : {"2x3x4", "2x3", "", "many"}) {
    TensorFile file = numbered_model({2, 3, 3}, "synthetic");
    file.metadata["shape"] = text;
    const auto path = write(file);
    expect_error(ExitStatus::model, {"model.safetensors", "'shape'", "18 inputs"}, [&] { read_model(path); });
  }
}

}  // namespace
}  // namespace sibp
