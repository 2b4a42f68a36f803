// Networks and presets by name.
#include "app/cli/networks.hpp"

#include "sibp/layer/language.hpp"

#include "app/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;

NetworkSpec network_named(std::string_view name, const TensorShape& input) {
  return parse_network(layers_of_network(name).value(), input, Loss::softmax_cross_entropy, Activation::relu);
}

TEST(NamedNetworks, HaveTheShapesThatTheyAreKnownFor) {
  constexpr TensorShape small{28, 28, 1};
  constexpr TensorShape cifar{32, 32, 3};
  EXPECT_EQ(network_named("fashion-small", small).maps.size(), 5U);
  EXPECT_EQ(network_named("cifar10-small", cifar).parameters(), 289'194);
  // Convolutions 312, 13,888, 36,928, 147,712 and three of 590,080; shifts of the norms
  // 2 · 64 + 4 · 256, whose scales are fixed; 2,570 of the last.
  const NetworkSpec records = network_named("cifar10-94", cifar);
  EXPECT_EQ(records.maps.size(), 8U);
  EXPECT_EQ(records.parameters(), 312 + 13888 + 36928 + 147712 + 3 * 590080 + 1152 + 2570);
  // 11.17 million parameters in all implementations, but for biases of convolutions and norms of projections.
  const NetworkSpec resnet = network_named("resnet18", cifar);
  EXPECT_EQ(resnet.maps.size(), 1U + 16 + 3 + 1);
  EXPECT_NEAR(static_cast<double>(resnet.parameters()), 11.17e6, 0.02e6);
}

TEST(NamedNetworks, StandForTheirLayers) {
  const Options options = parse({"--network", "cifar10-94"});
  EXPECT_EQ(options.network, *layers_of_network("cifar10-94"));
  EXPECT_THAT(to_ini(options), HasSubstr("\nnetwork = conv(24,2,padding=0) gelu "));
  EXPECT_EQ(layers_of_network("cifar10-95"), std::nullopt);
  for (const NamedNetwork& network : named_networks()) EXPECT_THAT(help_text(), HasSubstr(std::string(network.name)));
}

TEST(PresetsOfConvNets, SetDataNetworkAndLength) {
  const Options fashion = parse({"--preset", "fashion-small"});
  EXPECT_EQ(fashion.data.dataset, "fashion-mnist");
  EXPECT_EQ(fashion.network, *layers_of_network("fashion-small"));
  EXPECT_EQ(fashion.normalisation, NormalisationKind::channel);
  EXPECT_EQ(fashion.training.batch, 250);
  for (const auto& [preset, network] :
       {std::pair("cifar10-small", "cifar10-small"), std::pair("cifar10-94", "cifar10-94"),
        std::pair("resnet18-cifar10", "resnet18")}) {
    const Options options = parse({"--preset", preset});
    EXPECT_EQ(options.data.dataset, "cifar10") << preset;
    EXPECT_EQ(options.network, *layers_of_network(network)) << preset;
    EXPECT_GT(options.training.warmup_steps, 0) << preset;
    EXPECT_NE(options.training.augmentation, Augmentation{}) << preset;
  }
  EXPECT_EQ(parse({"--preset", "cifar10-94"}).initialisation, "identity");
  EXPECT_EQ(parse({"--preset", "fashion-small", "--hidden", "30"}).network, "");
  EXPECT_EQ(parse({"plan", "--preset", "cifar10-94"}).network, *layers_of_network("cifar10-94"));
}

TEST(PresetsOfConvNets, TheirWarmUpFitsIntoAShorterRun) {
  EXPECT_EQ(parse({"--preset", "fashion-small", "--steps", "7"}).training.warmup_steps, 7);
  EXPECT_EQ(parse({"--preset", "fashion-small"}, {{"SIBP_STEPS", "7"}}).training.warmup_steps, 7);
  EXPECT_THAT(error_of({"--preset", "fashion-small", "--steps", "7", "--warmup-steps", "8"}),
              AllOf(HasSubstr("--warmup-steps: found '8'"), HasSubstr("--steps")));
}

}  // namespace
}  // namespace sibp
