#include "sibp/core/file.hpp"

#include "app/cli/option_names.hpp"
#include "app/parse.hpp"
#include "support/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

TEST(Options, ErrorsNameTheOptionTheValueAndWhatWasExpected) {
  struct Case {
    std::string name, value, expected;
  };
  for (const Case& c : {Case{"dataset", "minst", "fashion-mnist, mnist"},
                        {"normalize", "max", "none, mean, standard"},
                        {"validation", "-1", "at least 0"},
                        {"activation", "elu", "leaky-relu"},
                        {"loss", "hinge", "softmax-cross-entropy"},
                        {"init", "normal:-1", "above 0"},
                        {"init", "normal:", "above 0"},
                        {"init", "", "glorot"},
                        {"eta", "0", "above 0"},
                        {"eta", "-0.5", "above 0"},
                        {"eta", "nan", "above 0"},
                        {"eta", "inf", "above 0"},
                        {"eta", "1e999", "above 0"},
                        {"eta", "1x", "above 0"},
                        {"damping", "1", "relative:RHO"},
                        {"damping", "relative", "relative:RHO"},
                        {"damping", "relative:0", "above 0"},
                        {"damping", "absolute:nan", "above 0"},
                        {"damping", "proximal:1", "absolute:LAMBDA"},
                        {"carry", "both", "new, old"},
                        {"schedule", "step", "linear, constant, cosine"},
                        {"warmup-steps", "-1", "at least 0"},
                        {"batch", "0", "at least 1"},
                        {"batch", "-5", "at least 1"},
                        {"batch", "1.5", "whole number"},
                        {"batch", "99999999999999999999", "whole number"},
                        {"epochs", "0", "from 1 to 1000000000"},
                        {"epochs", "4611686018427387904", "from 1 to 1000000000"},
                        {"steps", "0", "at least 1"},
                        {"logical-shards", "0", "at least 1"},
                        {"seed", "-1", "at least 0"},
                        {"log-every", "-1", "at least 0"},
                        {"evaluate-every", "x", "at least 0"},
                        {"threads", "-1", "from 0 to"},
                        {"device", "gpu", "one of auto, cpu, cuda"},
                        {"precision", "bf16", "one of fp32, tf32"},
                        {"progress", "dots", "auto, bar, lines, none"},
                        {"log-level", "loud", "trace, debug"},
                        {"out", "", "a folder"},
                        {"data-dir", "", "a folder"},
                        {"data-dir", "/a#b", "no '#'"}}) {
    const auto names_all = AllOf(HasSubstr("found '" + c.value + "'"), HasSubstr(c.expected));
    EXPECT_THAT(error_of({"--" + c.name, c.value}), AllOf(StartsWith("--" + c.name + ": "), names_all));
    std::string variable = "SIBP_" + c.name;
    for (char& letter : variable) letter = letter == '-' ? '_' : static_cast<char>(std::toupper(letter));
    EXPECT_THAT(error_of({}, {{variable, c.value}}), AllOf(StartsWith(variable + ": "), names_all));
    if (c.value.find('#') != std::string::npos) continue;
    const testing_support::TemporaryFolder folder;
    const auto config = folder.path() / "c.ini";
    write_file_whole(config, c.name + " = " + c.value + "\n");
    EXPECT_THAT(error_of({"--config", config}),
                AllOf(StartsWith("config file " + config.string() + ": " + c.name + ": "), names_all));
  }
}

TEST(Options, ErrorsOfForm) {
  EXPECT_THAT(error_of({"--etta", "1"}), AllOf(StartsWith("--etta: "), HasSubstr("unknown option")));
  EXPECT_THAT(error_of({"--epoch", "1"}), AllOf(StartsWith("--epoch: "), HasSubstr("unknown option")));
  EXPECT_THAT(error_of({"--eta"}), AllOf(StartsWith("--eta: "), HasSubstr("no value")));
  EXPECT_THAT(error_of({"--describe=yes"}), AllOf(StartsWith("--describe: "), HasSubstr("expected none")));
  EXPECT_THAT(error_of({"--eta", "1", "--eta", "1"}), AllOf(StartsWith("--eta: "), HasSubstr("twice")));
  EXPECT_THAT(error_of({"-e", "1"}), HasSubstr("-e"));
  EXPECT_THAT(error_of({"--hiden", "1"}), HasSubstr("did you mean --hidden?"));
  EXPECT_THAT(error_of({"--nothing-like-it", "1"}), Not(HasSubstr("did you mean")));
  EXPECT_THAT(error_of({"trian"}), AllOf(HasSubstr("'trian'"), HasSubstr("did you mean train?")));
  EXPECT_THAT(error_of({"export", "m"}), AllOf(StartsWith("--to: "), HasSubstr("onnx or torch")));
  EXPECT_THAT(error_of({"export", "--to", "onnx"}), AllOf(StartsWith("--model: "), HasSubstr("export")));
  EXPECT_THAT(error_of({"export", "m", "--to", "onnx", "--split", "train"}), StartsWith("--split: "));
  EXPECT_THAT(error_of({"completion"}), HasSubstr("bash, zsh or fish"));
  EXPECT_THAT(error_of({"completion", "csh"}), HasSubstr("'csh'"));
  EXPECT_THAT(error_of({}, {{"SIBP_DESCRIBE", "1"}}), StartsWith("SIBP_DESCRIBE: "));
  EXPECT_THAT(error_of({"--warmup-steps", "11", "--steps", "10"}),
              AllOf(StartsWith("--warmup-steps: "), HasSubstr("10")));
}

TEST(Options, ErrorsOfAKeptGramMatrix) {
  EXPECT_THAT(error_of({"--gram-average", "0.5"}), AllOf(StartsWith("--gram-average: "), HasSubstr("--gram-every")));
  EXPECT_THAT(error_of({"--gram-burn-in", "5", "--gram-every", "1"}), StartsWith("--gram-burn-in: "));
  EXPECT_THAT(error_of({"--gram-every", "10", "--form", "normal,dual"}),
              AllOf(StartsWith("--form: "), HasSubstr("normal,dual"), HasSubstr("--gram-every")));
  EXPECT_THAT(error_of({"--gram-every", "10", "--method", "sgd"}), StartsWith("--gram-every: "));
  EXPECT_THAT(error_of({"--gram-lag", "on", "--form", "dual"}),
              AllOf(StartsWith("--form: "), HasSubstr("dual"), HasSubstr("--gram-lag")));
  const Options options = test::parse({"--gram-every", "10", "--gram-damping", "absolute:5"});
  EXPECT_EQ(options.training.method.refresh.every, 10);
  EXPECT_EQ(options.training.method.refresh.damping.value, 5);
}

TEST(Options, ErrorsOfTheConfigFile) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "c.ini";
  const auto error_with = [&](const std::string& text) {
    write_file_whole(config, text);
    return error_of({"--config", config});
  };
  EXPECT_THAT(error_with("etta = 1\n"), AllOf(HasSubstr(config.string() + ": etta: "), HasSubstr("unknown option")));
  EXPECT_THAT(error_with("eta = 1\neta = 2\n"), AllOf(HasSubstr(config.string() + ": eta: "), HasSubstr("twice")));
  EXPECT_THAT(error_with("eta\n"), AllOf(HasSubstr(config.string()), HasSubstr("'eta'")));
  EXPECT_THAT(error_with("config = other.ini\n"), HasSubstr(config.string() + ": config: "));
  EXPECT_THAT(error_with("help = 1\n"), HasSubstr(config.string() + ": help: "));
  EXPECT_THAT(error_with("[data]\nseed = 1\n"), AllOf(HasSubstr(config.string()), HasSubstr("the heading '[data]'")));
  EXPECT_THAT(error_with("seed = 1\n  [more]\n"), AllOf(HasSubstr("'[more]'"), HasSubstr("remove headings")));
  EXPECT_THAT(error_with("steps = 1\nepochs = 1\n"),
              AllOf(HasSubstr(config.string() + ": epochs"), HasSubstr(config.string() + ": steps")));
  EXPECT_THAT(error_of({"--config", folder.path() / "absent"}), AllOf(StartsWith("--config: "), HasSubstr("absent")));
  EXPECT_THAT(error_of({"--config", folder.path()}),
              AllOf(StartsWith("--config: "), HasSubstr(folder.path().string())));
  EXPECT_THAT(error_of({}, {{"SIBP_CONFIG", folder.path() / "absent"}}), StartsWith("SIBP_CONFIG: "));
}

TEST(Options, StandInMessagesForTheQuantitiesThatTheLibraryNames) {
  EXPECT_EQ(named_by_options("`batch` is 7, expected 1 to 5"), "--batch is 7, expected 1 to 5");
  EXPECT_EQ(named_by_options("4 ranks; set `logical_shards` to 4 or lower `eta`"),
            "4 ranks; set --logical-shards to 4 or lower --eta");
  EXPECT_EQ(named_by_options("`batch_list`: `batch`"), "--batch-list: --batch");
  for (const std::string as_it_is : {"", "no quantity", "`", "`no such option`", "``", "a `batch", "batch` is 7"})
    EXPECT_EQ(named_by_options(as_it_is), as_it_is);
  EXPECT_EQ(named_by_options("the file ` of `batch`"), "the file ` of --batch");
}

}  // namespace
}  // namespace sibp
