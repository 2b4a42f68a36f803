// What weights start as.
#include "sibp/model/initialisation.hpp"

#include "sibp/layer/language.hpp"

#include <numeric>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using Kind = Initialisation::Kind;

/// For pictures with 4 channels.
NetworkSpec network(const std::string& text) {
  return parse_network(text, {8, 8, 4}, Loss::softmax_cross_entropy, Activation::relu);
}

/// Ŵ of the first map.
std::vector<Real> weights_of(const NetworkSpec& spec, const Initialisation& start) {
  const ParameterSpec parameter = spec.nodes.front().layer->parameters().at(0);
  return initial_weights(spec.maps.front(), parameter, start, 7, 0);
}

double mean_square(const std::vector<Real>& values) {
  return std::inner_product(values.begin(), values.end(), values.begin(), 0.0) / static_cast<double>(values.size());
}

TEST(Initialisation, IsReadFromText) {
  EXPECT_EQ(initialisation_from_text("he").value().kind, Kind::he);
  EXPECT_EQ(initialisation_from_text("glorot").value().kind, Kind::glorot);
  EXPECT_EQ(initialisation_from_text("identity").value().kind, Kind::identity);
  EXPECT_EQ(initialisation_from_text("normal:0.05").value().kind, Kind::normal);
  EXPECT_DOUBLE_EQ(initialisation_from_text("normal:0.05").value().deviation, 0.05);
  for (const char* text :
       {"", "He", "normal:", "normal:0", "normal:-1", "normal:inf", "normal:1x", "model.safetensors"})
    EXPECT_FALSE(initialisation_from_text(text)) << text;
}

TEST(Initialisation, DrawsWithItsDeviation) {
  const NetworkSpec spec = network("conv(64,5) meanpool dense(10)");
  constexpr double inputs = 25 * 4;
  constexpr double biases = inputs / (inputs + 1);  // these are 0, but for `normal`
  EXPECT_NEAR(mean_square(weights_of(spec, {Kind::he, 0})), biases * 2 / inputs, 0.1 * 2 / inputs);
  EXPECT_NEAR(mean_square(weights_of(spec, {Kind::glorot, 0})), biases * 2 / (inputs + 64), 0.1 * 2 / (inputs + 64));
  EXPECT_NEAR(mean_square(weights_of(spec, {Kind::normal, 0.3})), 0.09, 0.009);
}

TEST(Initialisation, OfTheIdentityPassesChannelsOn) {
  for (const Index kernels : {2, 4, 6}) {
    const NetworkSpec spec = network(fmt::format("conv({},3) meanpool dense(10)", kernels));
    const auto he = weights_of(spec, {Kind::he, 0});
    const auto identity = weights_of(spec, {Kind::identity, 0});
    ASSERT_EQ(identity.size(), static_cast<std::size_t>(kernels * (9 * 4 + 1)));
    for (std::size_t k = 0; k < identity.size(); ++k) {
      const auto kernel = static_cast<Index>(k) % kernels;
      const auto column = static_cast<Index>(k) / kernels;
      // A patch has kernel row, kernel column and channel, the last running fastest: pixel 4 of 9 is in the middle.
      const Real passed = column == 4 * 4 + kernel ? 1 : 0;
      EXPECT_EQ(identity[k], kernel < 4 ? passed : he[k]) << kernels << " kernels, kernel " << kernel << ", " << column;
    }
  }
}

TEST(Initialisation, OfTheIdentityIsHesWithoutAMiddle) {
  for (const char* text : {"conv(6,2,padding=0) meanpool dense(10)", "dense(6) dense(10)"}) {
    const NetworkSpec spec = network(text);
    EXPECT_EQ(weights_of(spec, {Kind::identity, 0}), weights_of(spec, {Kind::he, 0})) << text;
  }
}

}  // namespace
}  // namespace sibp
