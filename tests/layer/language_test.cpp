// The layer language: what it makes of a text, that the text of what it made says the same, and what it says of others.
#include "sibp/layer/language.hpp"

#include "support/files.hpp"
#include "support/random_networks.hpp"

#include <fmt/ranges.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;

constexpr TensorShape picture{5, 5, 3};

NetworkSpec parse(std::string_view text, const TensorShape& input = picture, Activation hidden = Activation::relu) {
  return parse_network(text, input, Loss::softmax_cross_entropy, hidden);
}

/// Layers as "conv(4,3,…) <- 0", with the tensors that they read.
std::vector<std::string> nodes_of(const NetworkSpec& spec) {
  std::vector<std::string> nodes;
  for (const Node& node : spec.nodes)
    nodes.push_back(fmt::format("{} <- {}", node.layer->text(), fmt::join(node.inputs, ",")));
  return nodes;
}

void expect_same_network(const NetworkSpec& a, const NetworkSpec& b) {
  EXPECT_EQ(a, b);
  EXPECT_EQ(nodes_of(a), nodes_of(b));
  EXPECT_EQ(a.maps, b.maps);
  ASSERT_EQ(a.nodes.size(), b.nodes.size());
  for (std::size_t tensor = 0; tensor <= a.nodes.size(); ++tensor) EXPECT_EQ(a.shape(tensor), b.shape(tensor));
}

TEST(Language, ChainsOfDenseLayersAreWhatTheyWere) {
  const NetworkSpec spec =
      parse_network("dense(500,relu) dense(10)", 784, Loss::softmax_cross_entropy, Activation::relu);
  EXPECT_EQ(spec.text, "dense(500,relu) dense(10,identity)");
  EXPECT_EQ(short_name(spec), "784-500-10");
  EXPECT_THAT(spec.maps,
              ElementsAre(MapShape{784, 500, Activation::relu, 1}, MapShape{500, 10, Activation::identity, 1}));
  EXPECT_EQ(spec.parameters(), 500 * 785 + 10 * 501);
  EXPECT_EQ(spec, network_from_widths("500", 784, 10, Loss::softmax_cross_entropy, Activation::relu));
  EXPECT_EQ(network_from_widths("", 784, 10, Loss::squared_error, Activation::relu).text, "dense(10,identity)");
  EXPECT_EQ(parse("dense(7) dense(2)", picture, Activation::tanh).text, "dense(7,tanh) dense(2,identity)");
}

TEST(Language, LeavesOutWhatHasADefault) {
  EXPECT_EQ(parse("conv(4,3) conv(4,5,tanh) conv(2,2) dense(2)").text,
            "conv(4,3,stride=1,padding=1,identity) conv(4,5,stride=1,padding=2,tanh) "
            "conv(2,2,stride=1,padding=0,identity) dense(2,identity)");
  EXPECT_EQ(parse("maxpool(2) meanpool(2,stride=1) meanpool dense(2)").text,
            "maxpool(2,stride=2) meanpool meanpool dense(2,identity)");  // the window is all of 2 × 2 pixels
  EXPECT_EQ(parse("norm(group=3) norm(group=0) dropout(0.2) dense(2)").text,
            "norm(group=3,identity) norm dropout(0.2) dense(2,identity)");
  EXPECT_EQ(parse("norm(scale=learnt) norm(scale=fixed) relu norm( scale = fixed , group = 3 ) tanh dense(2)").text,
            "norm norm(scale=fixed,relu) norm(group=3,scale=fixed,tanh) dense(2,identity)");
}

TEST(Language, NamesStandInAnyOrder) {
  for (const char* text : {"conv(4,3,tanh,stride=2,padding=0)", "conv(padding=0,stride=2,kernel=3,channels=4,tanh)",
                           "conv(tanh,4,stride=2,3,padding=0)", "conv ( 4 , 3 ,\n2, 0 , tanh )"})
    EXPECT_EQ(parse(std::string(text) + " dense(2)").text, "conv(4,3,stride=2,padding=0,tanh) dense(2,identity)")
        << text;
}

TEST(Language, ActivationsBecomePartOfTheLayerBefore) {
  EXPECT_THAT(nodes_of(parse("norm relu conv(4,1) tanh dense(6,identity) sigmoid dense(2)")),
              ElementsAre("norm(relu) <- 0", "conv(4,1,stride=1,padding=0,tanh) <- 1", "dense(6,sigmoid) <- 2",
                          "dense(2,identity) <- 3"));
  // Of no layer that has one, nor pooling; and gelu's derivative needs what goes in.
  EXPECT_THAT(
      nodes_of(parse("norm relu relu maxpool(2) relu norm gelu conv(4,1,gelu) dense(2)")),
      ElementsAre("norm(relu) <- 0", "relu <- 1", "maxpool(2,stride=2) <- 2", "relu <- 3", "norm <- 4", "gelu <- 5",
                  "conv(4,1,stride=1,padding=0,identity) <- 6", "gelu <- 7", "dense(2,identity) <- 8"));
  EXPECT_EQ(parse("norm relu dense(2)").maps.size(), 1U);
  EXPECT_EQ(parse("conv(4,1) relu dense(2)").maps.front().activation, Activation::relu);
}

TEST(Language, ResidualsAddTheirInput) {
  EXPECT_THAT(nodes_of(parse("norm residual( relu conv(3,3) norm ) relu dense(2)")),
              ElementsAre("norm <- 0", "relu <- 1", "conv(3,3,stride=1,padding=1,identity) <- 2", "norm <- 3",
                          "sum <- 4,1", "relu <- 5", "dense(2,identity) <- 6"));
  EXPECT_THAT(nodes_of(parse("residual( residual( tanh ) ) dense(2)")),
              ElementsAre("tanh <- 0", "sum <- 1,0", "sum <- 2,0", "dense(2,identity) <- 3"));
}

TEST(Language, AResidualThatChangesShapeHasAProjection) {
  EXPECT_THAT(nodes_of(parse("residual( conv(4,3,stride=2) norm ) dense(2)")),
              ElementsAre("conv(4,3,stride=2,padding=1,identity) <- 0", "norm <- 1",
                          "conv(4,1,stride=2,padding=0,identity) <- 0", "sum <- 2,3", "dense(2,identity) <- 4"));
  EXPECT_THAT(nodes_of(parse("conv(4,3) residual( dense(6,tanh) ) dense(2)")),
              ElementsAre("conv(4,3,stride=1,padding=1,identity) <- 0", "dense(6,tanh) <- 1",
                          "conv(6,1,stride=5,padding=0,identity) <- 1", "sum <- 2,3", "dense(2,identity) <- 4"));
}

TEST(Language, ShortNamesSayWhatHasWeights) {
  EXPECT_EQ(short_name(parse("conv(32,3) norm relu maxpool(2) residual( conv(8,3) ) dense(10)", {28, 28, 1})),
            "28x28x1-c32-c8-c8-10");
}

TEST(Language, TheTextOfANetworkSaysAllOfIt) {
  testing_support::RandomNetworks networks(1);
  int residuals = 0;
  for (int k = 0; k < 500; ++k) {
    testing_support::RandomNetworks each(static_cast<std::uint64_t>(k));
    const std::string text = each.draw();
    SCOPED_TRACE(text);
    const NetworkSpec spec = parse(text, networks.input);
    expect_same_network(parse(spec.text, networks.input, Activation::sigmoid), spec);
    if (text.find("residual") != std::string::npos) ++residuals;
  }
  EXPECT_GT(residuals, 100);
}

/// The message for a text without its mark '@'.
std::string error_of(std::string_view marked, const TensorShape& input = picture) {
  std::string text(marked);
  std::erase(text, '@');
  try {
    (void)parse(text, input);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), ExitStatus::usage);
    return error.what();
  }
  ADD_FAILURE() << "took " << text;
  return "";
}

TEST(Language, ErrorsAreExactlyThese) {
  EXPECT_EQ(error_of("dense(5,relu) deep(3) dense(2)"),
            "`network`: unknown kind of layer 'deep', expected one of dense, conv, maxpool, meanpool, norm, dropout, "
            "relu, leaky-relu, tanh, sigmoid, gelu, identity, residual\n"
            "  dense(5,relu) deep(3) dense(2)\n"
            "                ^");
  EXPECT_EQ(error_of("maxpool(6) dense(2)"),
            "`network`: a window of 6 × 6 does not fit 5 × 5 pixels with padding 0; write maxpool(kernel[,stride=S])\n"
            "  maxpool(6) dense(2)\n"
            "          ^");
  EXPECT_EQ(error_of("norm residual( conv(4,3) dense(2)"),
            "`network`: this residual( is not closed\n"
            "  norm residual( conv(4,3) dense(2)\n"
            "       ^");
  EXPECT_EQ(error_of(" "),
            "`network`: found no layer; end with a dense one, for example \"dense(10)\"\n"
            "   \n"
            "  ^");
}

struct Wrong {
  const char* text;  ///< with '@' where the caret points
  const char* reason;
};

class Errors : public testing::TestWithParam<Wrong> {};

TEST_P(Errors, PointAtThePlace) {
  const auto& [marked, reason] = GetParam();
  const std::string message = error_of(marked);
  EXPECT_THAT(message, HasSubstr(reason));
  const std::string caret = message.substr(message.rfind('\n') + 1);
  EXPECT_EQ(caret.size(), 2 + std::string_view(marked).find('@') + 1) << message;
}

INSTANTIATE_TEST_SUITE_P(
    Texts, Errors,
    testing::Values(
        Wrong{"@foo(3) dense(2)", "unknown kind of layer 'foo'"}, Wrong{"relu @Dense(2)", "'Dense'"},
        Wrong{"norm @$ dense(2)", "found '$', expected the name of a layer"},
        Wrong{"dense(2) @)", "found ')', expected the name of a layer"},
        Wrong{"conv@(4,3 dense(2)", "this bracket is not closed"}, Wrong{"dense@(2", "this bracket is not closed"},
        Wrong{"norm residual @dense(2)", "expected '(' and the layers of the residual"},
        Wrong{"norm residual@", "expected '('"}, Wrong{"residual( @) dense(2)", "found no layer in the residual"},
        Wrong{"relu @residual( residual( tanh ) dense(2)", "not closed"},
        Wrong{"@residual( conv(4,2) ) dense(2)", "make 4 × 4 pixels of 5 × 5, which no convolution of kernel 1 does"},
        Wrong{"dense(5) @relu", "the last layer must be linear and dense"},
        Wrong{"dense(5) @dense(2,tanh)", "the last layer must be linear and dense"},
        Wrong{"dense(5) @norm", "the last layer must be linear and dense"},
        Wrong{"@conv(4,3)", "the last layer must be linear and dense"},
        Wrong{"dense(@) dense(2)", "found no number of outputs, expected one from 1 to 10000000; write dense("},
        Wrong{"dense@ dense(2)", "found no number of outputs"},
        Wrong{"dense(@-3)", "found '-3', expected the number of outputs"},
        Wrong{"dense(@10000001)", "found '10000001'"}, Wrong{"dense(@2.5)", "found '2.5'"},
        Wrong{"dense(@many)", "found 'many', expected the number of outputs"},
        Wrong{"dense(5,@foo) dense(2)", "unknown activation 'foo'"},
        Wrong{"dense(5,relu,@4) dense(2)", "'4' is one argument too many"},
        Wrong{"dense(5,relu,@tanh) dense(2)", "'tanh' is one argument too many"},
        Wrong{"dense(5,@,relu) dense(2)", "expected a value"}, Wrong{"dense(5,@) dense(2)", "expected a value"},
        Wrong{"conv(4,3,stride=@) dense(2)", "expected a value"},
        Wrong{"conv(4,3,stride=@0) dense(2)", "found '0', expected the number of stride, 1 to"},
        Wrong{"conv(@4,1,padding=1) dense(2)", "padding 1 is not below the kernel's 1"},
        Wrong{"conv(@4,9,padding=1) dense(2)", "a window of 9 × 9 does not fit 5 × 5 pixels with padding 1"},
        Wrong{"conv(4,3,@width=1) dense(2)", "unknown argument 'width'"},
        Wrong{"norm(scale=@one) dense(2)", "found 'one', expected a scale of learnt or fixed"},
        Wrong{"norm(@fixed) dense(2)", "unknown activation 'fixed'"},
        Wrong{"conv(4,3,@scale=fixed) dense(2)", "unknown argument 'scale'"},
        Wrong{"norm(@group=2) dense(2)", "3 channels are no multiple of 2 groups"},
        Wrong{"dropout(@1) dense(2)", "found '1', expected a rate from 0 on and below 1"},
        Wrong{"dropout(@-0.1) dense(2)", "'-0.1'"}, Wrong{"dropout(@nan) dense(2)", "dropout(rate)"},
        Wrong{"dropout@ dense(2)", "found no rate, expected a number from 0 on and below 1; write dropout(rate)"},
        Wrong{"relu(@3) dense(2)", "'3' is one argument too many"},
        Wrong{"maxpool@ dense(2)", "found no number of kernel"}));

TEST(Language, TheLineOfALongTextIsCutAroundThePlace) {
  std::string text;
  for (int k = 0; k < 30; ++k) text += "dense(5,relu) ";
  const std::string message = error_of(text + "foo dense(2)");
  EXPECT_THAT(message, HasSubstr("foo dense(2)\n"));
  EXPECT_EQ(message.substr(message.rfind('\n') + 1), std::string(62, ' ') + "^");
}

TEST(Language, ResidualsMayBeFiftyDeep) {
  const auto nested = [](int depth) {
    std::string text;
    for (int k = 0; k < depth; ++k) text += "residual( ";
    text += "relu";
    for (int k = 0; k < depth; ++k) text += " )";
    return text + " dense(2)";
  };
  const NetworkSpec spec = parse(nested(50));
  EXPECT_EQ(spec.nodes.size(), 52U);
  expect_same_network(parse(spec.text), spec);
  EXPECT_THAT(error_of(nested(51)), HasSubstr("residuals are nested more than 50 deep"));
  EXPECT_THAT(error_of(nested(100'000)), HasSubstr("residuals are nested more than 50 deep"));
}

TEST(Language, SizesDoNotOverflow) {
  EXPECT_THAT(error_of("conv(10000000,1) conv(10000000,5) dense(2)"), HasSubstr("weights are too many"));
  EXPECT_THAT(error_of("conv(10000000,1) dense(10000000) dense(2)"), HasSubstr("weights are too many"));
  std::string text;
  for (int k = 0; k < 10'001; ++k) text += "norm ";
  EXPECT_THAT(error_of(text + "dense(2)"), HasSubstr("more than 1000 layers"));
}

TEST(Language, WidthsAreRefusedByTheirOption) {
  for (const char* hidden : {"5,", ",5", "5;6", "0", "-1", "10000001", "dense(3)"})
    testing_support::expect_error(ExitStatus::usage, {"`hidden` is '", hidden}, [&] {
      (void)network_from_widths(hidden, 784, 10, Loss::softmax_cross_entropy, Activation::relu);
    });
}

}  // namespace
}  // namespace sibp
