// The parameters of each method: its defaults, what reaches it and what is refused.
#include "sibp/app/cli/options.hpp"
#include "sibp/core/file.hpp"
#include "sibp/update/methods.hpp"

#include "app/cli/option_table.hpp"
#include "app/parse.hpp"
#include "support/files.hpp"
#include "support/networks.hpp"
#include "update/method_traits.hpp"

#include <map>
#include <set>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

using Words = std::vector<std::string>;

Options parse_words(const Words& words) {
  std::vector<const char*> argv{"sibp_dist"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data(), {});
}

std::string error_of_words(const Words& words) {
  try {
    parse_words(words);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), ExitStatus::usage);
    return error.what();
  }
  return "";
}

/// Every parameter with a value that a method with that parameter takes.
const std::map<std::string, std::string> parameters{{"eta", "0.5"},
                                                    {"damping", "absolute:2"},
                                                    {"carry", "old"},
                                                    {"outer", "sgd"},
                                                    {"tau", "0.5"},
                                                    {"cg-steps", "3"},
                                                    {"lr", "0.25"},
                                                    {"momentum", "0.5"},
                                                    {"momentum-of", "gradient"},
                                                    {"nesterov", "on"},
                                                    {"weight-decay", "0.5"},
                                                    {"beta1", "0.5"},
                                                    {"beta2", "0.5"},
                                                    {"epsilon", "0.5"},
                                                    {"step", "relative:0.25"},
                                                    {"conv-damping", "absolute:3"},
                                                    {"conv-gram-every", "4"},
                                                    {"conv-gram-average", "0.5"},
                                                    {"conv-gram-sample", "3"},
                                                    {"gram-sample", "4"},
                                                    {"gram-stagger", "on"},
                                                    {"owners", "solve"}};

struct Has {
  Words method;
  std::set<std::string> parameters;
};

const std::vector<Has> methods{
    {{"--method", "sibp"},
     {"eta", "damping", "carry", "step", "momentum", "momentum-of", "nesterov", "weight-decay", "conv-damping",
      "conv-gram-every", "conv-gram-average", "conv-gram-sample", "gram-sample", "gram-stagger", "owners"}},
    {{"--method", "published"}, {"eta", "damping"}},
    {{"--method", "proxprop"}, {"outer", "tau", "cg-steps", "lr", "momentum", "nesterov", "weight-decay"}},
    {{"--method", "proxprop", "--outer", "adam"},
     {"tau", "cg-steps", "lr", "beta1", "beta2", "epsilon", "weight-decay"}},
    {{"--method", "sgd"}, {"lr", "momentum", "nesterov", "weight-decay"}},
    {{"--method", "adam"}, {"lr", "beta1", "beta2", "epsilon", "weight-decay"}}};

TEST(MethodOptions, EachMethodTakesItsOwnParametersAndRefusesTheOthers) {
  for (const Has& has : methods) {
    for (const auto& [name, value] : parameters) {
      if (name == "outer" && has.method.size() > 2) continue;  // given already
      Words words = has.method;
      words.insert(words.end(), {"--" + name, value});
      if (has.parameters.contains(name)) {
        EXPECT_EQ(error_of_words(words), "") << testing::PrintToString(words);
        EXPECT_THAT(to_ini(parse_words(words)), HasSubstr("\n" + name + " = " + value + "\n"));
      } else {
        EXPECT_THAT(error_of_words(words),
                    AllOf(StartsWith("--" + name + ": "), HasSubstr("--method " + has.method[1])));
        EXPECT_THAT(to_ini(parse_words(has.method)), Not(HasSubstr("\n" + name + " = "))) << has.method[1];
      }
    }
  }
}

TEST(MethodOptions, EveryParameterOfAMethodIsAnOptionThatSaysSo) {
  for (const Method method : all_methods()) {
    for (const Optimiser outer : {Optimiser::sgd, Optimiser::adam}) {
      const MethodTraits& traits = method.traits();
      std::string names(traits.parameters);
      if (traits.parameters_of_outer != nullptr) names += fmt::format(" {}", traits.parameters_of_outer(outer));
      std::istringstream words(names);
      for (std::string word; words >> word;) {
        const OptionEntry* const entry = find_option(word);
        ASSERT_NE(entry, nullptr) << word << " of " << traits.name;
        EXPECT_TRUE(entry->of_method) << word << " of " << traits.name;
      }
    }
  }
}

TEST(MethodOptions, ParametersOfOtherMethodsElsewhereArePassedOver) {
  const testing_support::TemporaryFolder folder;
  write_file_whole(folder.path() / "c.ini", "momentum = 0.5\nbeta1 = 0.25\n");
  const Options options = parse({"--config", folder.path() / "c.ini", "--method", "adam"}, {{"SIBP_TAU", "3"}});
  EXPECT_EQ(options.training.method.beta1, 0.25);
  EXPECT_EQ(options.training.method.momentum, MethodOptions{}.momentum);
  EXPECT_EQ(options.training.method.tau, MethodOptions{}.tau);
}

TEST(MethodOptions, DefaultsAreThoseOfTheMethod) {
  EXPECT_EQ(parse({}).training.method.method, Method::sibp);
  EXPECT_EQ(parse({}).training.method.damping, std::nullopt);  // the network decides
  EXPECT_EQ(parse({}).training.method.weight_decay, std::nullopt);
  const MethodOptions published = parse({"--method", "published"}).training.method;
  EXPECT_EQ(published.damping->kind, Damping::Kind::absolute);
  EXPECT_EQ(published.damping->value, 1);
  const MethodOptions sgd = parse({"--method", "sgd"}).training.method;
  EXPECT_EQ(sgd.momentum, 0.9);
  EXPECT_NE(sgd.nesterov, true);
  const MethodOptions proxprop = parse({"--method", "proxprop"}).training.method;
  EXPECT_EQ(proxprop.momentum, 0.95);
  EXPECT_EQ(proxprop.nesterov, true);
  EXPECT_EQ(proxprop.tau, 0.05);
  const MethodOptions with_adam = parse({"--outer", "adam", "--method", "proxprop"}).training.method;
  EXPECT_EQ(with_adam.tau, 1);
  EXPECT_EQ(parse({"--method", "adam", "--lr", "0.25"}).training.eta, 0.25);
  EXPECT_EQ(default_step_size(sgd, testing_support::chain_of(3)), 0.1);
  EXPECT_EQ(default_step_size(proxprop, testing_support::chain_of(3)), 1);
  EXPECT_EQ(default_step_size(with_adam, testing_support::chain_of(3)), 0.001);
  EXPECT_EQ(default_step_size(published, testing_support::chain_of(30)), 0.1);
}

TEST(MethodOptions, StepsAndMomentumOfSibpReachTheirPlaces) {
  const MethodOptions open = parse({}).training.method;
  EXPECT_FALSE(open.step);
  EXPECT_FALSE(open.momentum);
  EXPECT_THAT(to_ini(parse({})), AllOf(Not(HasSubstr("\nstep = ")), Not(HasSubstr("\nmomentum = "))));
  const MethodOptions given =
      parse({"--step", "relative:0.25", "--momentum", "0.5", "--weight-decay", "0.125"}).training.method;
  EXPECT_EQ(given.step->kind, StepRule::Kind::relative);
  EXPECT_EQ(given.step->kappa, 0.25);
  EXPECT_EQ(given.momentum, 0.5);
  EXPECT_EQ(given.weight_decay, 0.125);
  EXPECT_EQ(parse({"--step", "fixed"}).training.method.step->kind, StepRule::Kind::fixed);
  EXPECT_EQ(parse({"--step", "spectral:0.5"}).training.method.step->kind, StepRule::Kind::spectral);
  EXPECT_THAT(to_ini(parse({"--step", "newton-muon:0.5"})), HasSubstr("\nstep = newton-muon:0.5\n"));
  for (const char* wrong : {"relative", "relative:0", "relative:nan", "spectral", "absolute:1", ""})
    EXPECT_THAT(error_of({"--step", wrong}), AllOf(StartsWith("--step: "), HasSubstr("relative:KAPPA"))) << wrong;
}

TEST(MethodOptions, RelativeStepsNeedTheFormNormal) {
  EXPECT_EQ(error_of({"--step", "relative:0.1", "--form", "normal"}), "no error");
  EXPECT_EQ(error_of({"--step", "relative:0.1", "--form", "auto"}), "no error");
  EXPECT_EQ(error_of({"--step", "fixed", "--form", "dual"}), "no error");
  EXPECT_THAT(error_of({"--step", "relative:0.1", "--form", "dual"}),
              AllOf(StartsWith("--form: found 'dual' with --step relative"), HasSubstr("normal")));
  EXPECT_THAT(error_of({"plan", "--step", "relative:0.1", "--form", "normal,dual"}), StartsWith("--form: "));
}

TEST(MethodOptions, MomentumOfGradientsNeedsTheFormNormal) {
  EXPECT_EQ(parse({"--momentum-of", "gradient", "--momentum", "0.5"}).training.method.momentum_of_gradient, true);
  EXPECT_EQ(error_of({"--momentum-of", "gradient", "--form", "normal"}), "no error");
  EXPECT_EQ(error_of({"--momentum-of", "update", "--form", "dual"}), "no error");
  EXPECT_THAT(error_of({"--momentum-of", "gradient", "--form", "normal,dual"}),
              AllOf(StartsWith("--form: found 'normal,dual' with --momentum-of gradient"), HasSubstr("normal")));
}

TEST(MethodOptions, ConvolutionsHaveSystemsOfTheirOwn) {
  const MethodOptions given = parse({"--conv-damping", "absolute:3", "--conv-gram-every", "4", "--conv-gram-average",
                                     "0.5", "--conv-gram-sample", "3"})
                                  .training.method;
  const SystemOptions& system = given.convolution;
  for (const Damping& damping : {system.damping, system.refresh.damping}) {
    EXPECT_EQ(damping.kind, Damping::Kind::absolute);
    EXPECT_EQ(damping.value, 3);
  }
  EXPECT_EQ(system.refresh.every, 4);
  EXPECT_EQ(system.refresh.average, 0.5);
  EXPECT_EQ(system.sample, 3);
  EXPECT_EQ(given.damping, std::nullopt);
  EXPECT_EQ(given.refresh.every, 1);
  EXPECT_THAT(error_of({"--conv-gram-every", "1", "--conv-gram-average", "0.5"}),
              AllOf(StartsWith("--conv-gram-average: "), HasSubstr("--conv-gram-every")));
  EXPECT_EQ(error_of({"plan", "--conv-gram-every", "3", "--conv-gram-sample", "2"}), "no error");
}

TEST(MethodOptions, ALagIsThatOfAllMaps) {
  const MethodOptions lagging = parse({"--gram-lag", "on", "--gram-average", "0.9"}).training.method;
  EXPECT_TRUE(lagging.refresh.lags);
  EXPECT_TRUE(lagging.convolution.refresh.lags);
  EXPECT_EQ(lagging.refresh.average, 0.9);
  EXPECT_FALSE(parse({}).training.method.convolution.refresh.lags);
}

TEST(MethodOptions, WhatOnlyConvolutionsHaveStaysOutOfTheConfigOfOthers) {
  Options options = parse({});
  EXPECT_THAT(to_ini(options), HasSubstr("\nconv-gram-every = 10\n"));
  options.may_convolve = false;
  EXPECT_THAT(to_ini(options), Not(HasSubstr("conv-")));
}

TEST(MethodOptions, AListOfBatchesStandsInsteadOfEpochs) {
  const Options options = parse({"--batch-list", "/b.i32", "--steps", "5"});
  EXPECT_EQ(options.training.batch_list, "/b.i32");
  EXPECT_EQ(options.training.steps, 5);
  EXPECT_THAT(to_ini(parse({"--batch-list", "/b.i32"})),
              AllOf(HasSubstr("\nbatch-list = /b.i32\n"), Not(HasSubstr("epochs ="))));
  EXPECT_THAT(error_of({"--batch-list", "/b.i32", "--epochs", "2"}), StartsWith("--epochs: "));
}

TEST(MethodOptions, ValuesOutOfRangeAreRefused) {
  EXPECT_THAT(error_of({"--method", "newton"}), AllOf(StartsWith("--method: "), HasSubstr("proxprop, sgd, adam")));
  EXPECT_THAT(error_of({"--method", "sgd", "--momentum", "1"}),
              AllOf(StartsWith("--momentum: "), HasSubstr("below 1")));
  EXPECT_THAT(error_of({"--method", "sgd", "--momentum", "-0.1"}), StartsWith("--momentum: "));
  EXPECT_THAT(error_of({"--method", "sgd", "--nesterov", "yes"}),
              AllOf(StartsWith("--nesterov: "), HasSubstr("on, off")));
  EXPECT_THAT(error_of({"--method", "sgd", "--lr", "0"}), StartsWith("--lr: "));
  EXPECT_THAT(error_of({"--method", "sgd", "--weight-decay", "inf"}), StartsWith("--weight-decay: "));
  EXPECT_THAT(error_of({"--method", "adam", "--beta2", "nan"}), StartsWith("--beta2: "));
  EXPECT_THAT(error_of({"--method", "adam", "--epsilon", "0"}), StartsWith("--epsilon: "));
  EXPECT_THAT(error_of({"--method", "proxprop", "--cg-steps", "-1"}), StartsWith("--cg-steps: "));
  EXPECT_THAT(error_of({"--method", "published", "--damping", "relative:1"}),
              AllOf(StartsWith("--damping: "), HasSubstr("published"), HasSubstr("absolute:LAMBDA")));
}

TEST(OptionsOfSums, ReachTheirPlacesAndTheConfigFile) {
  EXPECT_EQ(parse({}).sums.sums, Sums::automatic);
  EXPECT_EQ(parse({}).sums.wire, Wire::float32);
  const Options o = parse({"--sums", "shared", "--wire", "bf16"});
  EXPECT_EQ(o.sums.sums, Sums::shared);
  EXPECT_EQ(o.sums.wire, Wire::bfloat16);
  EXPECT_THAT(to_ini(o), HasSubstr("\nsums = shared\nwire = bfloat16\n"));
  EXPECT_EQ(parse({"--sums", "measure"}).sums.sums, Sums::measured);
  EXPECT_EQ(parse({"--wire", "fp32"}).sums.wire, Wire::float32);
  EXPECT_EQ(parse({"plan", "--wire", "bfloat16"}).sums.wire, Wire::bfloat16);
}

TEST(OptionsOfForms, AreChosenByRuleUnlessAMeasurementIsAskedFor) {
  EXPECT_FALSE(parse({}).training.method.measures_forms);
  EXPECT_THAT(to_ini(parse({})), HasSubstr("\nform = auto\n"));
  const Options o = parse({"--form", "measure"});
  EXPECT_TRUE(o.training.method.measures_forms);
  EXPECT_TRUE(o.training.method.forms.empty());
  EXPECT_THAT(to_ini(o), HasSubstr("\nform = measure\n"));
  EXPECT_THAT(error_of({"--form", "fast"}), AllOf(StartsWith("--form: found 'fast'"), HasSubstr("auto, measure, or")));
}

TEST(OptionsOfForms, AreRefusedWhereTheyTakeAllSamples) {
  EXPECT_EQ(error_of({"--gram-sample", "8", "--form", "normal,low-rank"}), "no error");
  EXPECT_EQ(error_of({"--gram-sample", "8", "--form", "auto"}), "no error");
  for (const char* form : {"dual", "dual-split", "low-rank,dual"})
    EXPECT_THAT(error_of({"--gram-sample", "8", "--form", form}),
                AllOf(StartsWith("--form: found '"), HasSubstr("with --gram-sample 8"),
                      HasSubstr("normal, activations and low-rank")));
  EXPECT_THAT(error_of({"--gram-every", "2", "--gram-sample", "8", "--form", "low-rank"}),
              AllOf(StartsWith("--form: found 'low-rank' with --gram-every"), HasSubstr("normal and activations")));
}

TEST(OptionsOfSums, AreExactInReproducibleMode) {
  const Options o = parse({"--reproducible", "--batch", "70"});
  EXPECT_EQ(o.sums.sums, Sums::exact);
  EXPECT_EQ(o.sums.most_samples, 70);
  EXPECT_THAT(to_ini(o), HasSubstr("reproducible = on"));
  EXPECT_FALSE(parse({"--reproducible=off"}).reproducible);
  EXPECT_TRUE(parse({}, {{"SIBP_REPRODUCIBLE", "on"}}).reproducible);
  EXPECT_EQ(error_of({"--reproducible", "--sums", "auto", "--form", "normal,activations"}), "no error");
  for (const char* form : {"dual", "dual-split", "low-rank", "normal,dual"})
    EXPECT_THAT(error_of({"--reproducible", "--form", form}),
                AllOf(StartsWith("--form: found '"), HasSubstr("with --reproducible"), HasSubstr("activations")));
  EXPECT_THAT(error_of({"--reproducible", "--form", "measure"}), StartsWith("--form: found 'measure'"));
  EXPECT_THAT(error_of({"--reproducible", "--sums", "measure"}), StartsWith("--sums: found 'measure'"));
  EXPECT_THAT(error_of({"--reproducible", "--sums", "library"}), StartsWith("--sums: found 'library'"));
  EXPECT_THAT(error_of({"--reproducible", "--wire", "bf16"}), StartsWith("--wire: found 'bfloat16'"));
  EXPECT_THAT(error_of({"--reproducible", "--device", "cuda"}), StartsWith("--device: found 'cuda'"));
  EXPECT_THAT(error_of({"--reproducible", "--method", "published"}), StartsWith("--method: found 'published'"));
}

TEST(OptionsOfSums, AreRefusedWhereNothingIsSummed) {
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--wire", "bf16"}), StartsWith("--wire: means nothing"));
  EXPECT_THAT(error_of({"predict", "--model", "m", "--sums", "shared"}), StartsWith("--sums: means nothing"));
  EXPECT_THAT(error_of({"--wire", "float16"}), HasSubstr("found 'float16', expected one of float32, bfloat16"));
  EXPECT_THAT(error_of({"--sums", "fast"}), HasSubstr("expected one of auto, measure, shared, library"));
}

}  // namespace
}  // namespace sibp
