#include "sibp/core/file.hpp"
#include "sibp/layer/language.hpp"

#include "app/cli/option_table.hpp"
#include "app/parse.hpp"
#include "support/files.hpp"

#include <algorithm>
#include <cmath>
#include <random>

#include <fmt/format.h>
#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::HasSubstr;
using testing::Not;

/// Random option sets, drawn from values that every option takes.
class OptionSets {
 public:
  std::vector<std::string> draw() {
    std::vector<std::string> words;
    const std::string dataset =
        any({"fashion-mnist", "mnist", "cifar10", "cifar100", "npz", "npy", "idx", "synthetic"});
    words = {"--dataset", dataset};
    if (dataset == "idx") {
      for (const char* name : {"--train-images", "--train-labels", "--test-images", "--test-labels"}) {
        words.insert(words.end(), {name, "/files/" + whole()});
      }
    }
    if (dataset == "synthetic") {
      maybe(words, "synthetic-samples", whole());
      coin() ? maybe(words, "synthetic-features", whole()) : maybe(words, "synthetic-shape", any({"8x8x3", "1x2x40"}));
      maybe(words, "synthetic-classes", any({"1", "2", "256"}));
    }
    maybe(words, "data-dir", any({"/data", "/with blanks/and=signs", "/a;b[c]"}));
    maybe(words, "normalize", any({"none", "mean", "standard", "channel"}));
    coin() ? maybe(words, "hidden", any({"", "1", "4000,1000,4000"}))
           : maybe(words, "network", any({"dense(10)", "dense(5,tanh) dense(10)"}));
    maybe(words, "activation", any({"relu", "leaky-relu", "tanh", "sigmoid", "gelu", "identity"}));
    maybe(words, "loss", any({"softmax-cross-entropy", "mean-squared-error"}));
    maybe(words, "init", any({"he", "glorot", "identity", "normal:" + real(), "/models/start.safetensors"}));
    draw_method(words);
    maybe(words, "schedule", any({"linear", "constant", "cosine"}));
    coin() ? maybe(words, "epochs", whole()) : maybe(words, "steps", fmt::format("1{}", whole()));
    for (const char* name : {"validation", "logical-shards", "seed", "warmup-steps", "batch", "log-every",
                             "evaluate-every", "training-sample"}) {
      maybe(words, name, any({"1", "2", "17"}).substr(0, name == std::string("warmup-steps") ? 1 : 9));
    }
    if (std::ranges::find(words, "mean-squared-error") == words.end())
      maybe(words, "label-smoothing", any({"0", "0.25"}));
    maybe(words, "augment", any({"none", "flip", "flip:alternating,translate:2,cutout:8"}));
    maybe(words, "threads", any({"0", "3"}));
    maybe(words, "device", any({"auto", "cpu", "cuda"}));
    maybe(words, "precision", any({"fp32", "tf32"}));
    return words;
  }

 private:
  void draw_method(std::vector<std::string>& words) {
    const std::string method = any({"sibp", "published", "proxprop", "sgd", "adam"});
    const std::string outer = method == "proxprop" ? any({"sgd", "adam"}) : method;
    if (method != "sibp" || coin()) words.insert(words.end(), {"--method", method});
    if (method == "sibp" || method == "published") {
      maybe(words, "eta", real());
      maybe(words, "damping", (method == "published" ? "absolute:" : any({"relative:", "absolute:"})) + real());
      if (method == "sibp") draw_sibp(words);
      return;
    }
    if (method == "proxprop") {
      words.insert(words.end(), {"--outer", outer});
      maybe(words, "tau", real());
      maybe(words, "cg-steps", whole());
    }
    maybe(words, "lr", real());
    maybe(words, "weight-decay", real());
    if (outer == "sgd") {
      maybe(words, "momentum", any({"0", "0.5", "0.99"}));
      maybe(words, "nesterov", any({"on", "off"}));
    } else {
      for (const char* name : {"beta1", "beta2"}) maybe(words, name, any({"0", "0.5", "0.99"}));
      maybe(words, "epsilon", real());
    }
  }

  void draw_sibp(std::vector<std::string>& words) {
    maybe(words, "carry", any({"new", "old"}));
    maybe(words, "step", coin() ? "fixed" : "relative:" + real());
    maybe(words, "momentum", any({"0", "0.5", "0.99"}));
    maybe(words, "weight-decay", real());
    maybe(words, "conv-damping", any({"relative:", "absolute:"}) + real());
    maybe(words, "conv-gram-sample", whole());
    if (!coin()) return;
    words.insert(words.end(), {"--conv-gram-every", "2"});
    maybe(words, "conv-gram-average", any({"0", "0.5", "0.99"}));
  }

  bool coin() { return generator_() % 2 == 0; }
  std::string any(std::vector<std::string> values) { return values[generator_() % values.size()]; }
  std::string whole() { return std::to_string(1 + generator_() % 100000); }
  std::string real() { return fmt::format("{}", std::ldexp(static_cast<double>(generator_() >> 11U), -60)); }
  void maybe(std::vector<std::string>& words, const std::string& name, const std::string& value) {
    if (coin()) words.insert(words.end(), {"--" + name, value});
  }

  std::mt19937_64 generator_{7};
};

Options parse_words(const std::vector<std::string>& words) {
  std::vector<const char*> argv{"sibp_dist"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data(), {});
}

TEST(ConfigIni, RoundTripKeepsEverySavedOption) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "config.ini";
  OptionSets sets;
  for (int i = 0; i < 500; ++i) {
    const std::vector<std::string> words = sets.draw();
    const Options options = parse_words(words);
    write_file_whole(config, to_ini(options));
    const Options again = parse({"--config", config});
    EXPECT_EQ(to_ini(again), to_ini(options)) << testing::PrintToString(words);
    for (const OptionEntry& entry : option_table()) {
      if (entry.place != Place::saved) continue;
      EXPECT_EQ(entry.binding.get(again), entry.binding.get(options)) << entry.name << testing::PrintToString(words);
    }
    EXPECT_EQ(again.data.seed, options.data.seed);
  }
}

TEST(ConfigIni, HoldsDefaultsAndResolvedEta) {
  Options options = parse({});
  EXPECT_THAT(to_ini(options), HasSubstr("\n# eta: min(3, 6 / layers)\n"));
  options.training.eta = 0.4;
  const std::string text = to_ini(options);
  for (const char* line : {"dataset = fashion-mnist", "hidden = 500", "eta = 0.4", "carry = new", "schedule = linear",
                           "batch = 100", "epochs = 5", "logical-shards = 64", "seed = 1", "log-every = 100",
                           "evaluate-every = 0", "training-sample = 0", "validation = 0", "threads = 0"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line + "\n"));
  }
  for (const char* name : {"\nout", "\nsteps", "\nnetwork", "\nprogress", "synthetic", "train-images"}) {
    EXPECT_THAT(text, Not(HasSubstr(name)));
  }
}

TEST(ConfigIni, HoldsThePresetsOptionsAndNotThePreset) {
  const std::string text = to_ini(parse({"--preset", "proxprop-cifar10", "--batch", "250"}));
  for (const char* line : {"dataset = cifar10", "hidden = 4000,1000,4000", "batch = 250", "validation = 5000"}) {
    EXPECT_THAT(text, HasSubstr(std::string("\n") + line + "\n"));
  }
  EXPECT_THAT(text, Not(HasSubstr("preset")));
}

TEST(ConfigIni, PathsBecomeAbsolute) {
  const auto here = std::filesystem::current_path().string();
  EXPECT_THAT(to_ini(parse({"--data-dir", "d"})), HasSubstr("data-dir = " + here + "/d\n"));
  EXPECT_THAT(to_ini(parse({"--init", "m.safetensors"})), HasSubstr("init = " + here + "/m.safetensors\n"));
  const std::initializer_list<std::string> files{"--dataset",     "idx", "--train-images", "a", "--train-labels", "b",
                                                 "--test-images", "c",   "--test-labels",  "d"};
  EXPECT_THAT(to_ini(parse(files)), HasSubstr("train-images = " + here + "/a\n"));
}

TEST(ConfigIni, AConfigOfTrainingServesEvaluation) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "config.ini";
  write_file_whole(config, to_ini(parse({"--dataset", "synthetic", "--seed", "5", "--eta", "0.5"})));
  const Options options = parse({"evaluate", "--config", config, "--model", "m"});
  EXPECT_EQ(options.data.dataset, "synthetic");
  EXPECT_EQ(options.data.seed, 5U);
}

TEST(Limits, AFileOfMegabytesIsRefusedBeforeItIsParsed) {
  const testing_support::TemporaryFolder folder;
  const auto write = [&](std::size_t widths) {
    std::string text = "hidden = 12";
    for (std::size_t k = 1; k < widths; ++k) text += ",12";
    return folder.write("long.ini", text + "\n").string();
  };
  EXPECT_THAT(error_of({"--config", write(500'000)}), HasSubstr("more than 1000000 bytes"));
  EXPECT_NO_THROW(parse({"--config", write(300'000)}));  // as text; no network has as many layers
  const auto layers_of = [](std::size_t widths) {
    std::string text = "12";
    for (std::size_t k = 1; k < widths; ++k) text += ",12";
    return network_from_widths(text, 3, 2, Loss::softmax_cross_entropy, Activation::relu).maps.size();
  };
  EXPECT_EQ(layers_of(1000), 1001U);
  EXPECT_THROW(layers_of(1001), Error);
  std::string language;
  for (int k = 0; k < 1001; ++k) language += "dense(2)";
  EXPECT_EQ(parse_network(language, 3, Loss::softmax_cross_entropy, Activation::relu).maps.size(), 1001U);
  EXPECT_THROW(parse_network(language + "dense(2)", 3, Loss::softmax_cross_entropy, Activation::relu), Error);
}

}  // namespace
}  // namespace sibp
