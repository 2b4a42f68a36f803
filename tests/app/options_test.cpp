#include "sibp/app/cli/options.hpp"

#include "sibp/core/file.hpp"

#include "app/cli/option_table.hpp"
#include "app/parse.hpp"
#include "support/files.hpp"

#include <fmt/format.h>
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

TEST(Options, DefaultsNeedNoWord) {
  const Options options = parse({});
  EXPECT_EQ(options.command, Command::train);
  EXPECT_EQ(options.data.dataset, "fashion-mnist");
  EXPECT_EQ(options.hidden, "500");
  EXPECT_EQ(options.training.eta, std::nullopt);
  EXPECT_EQ(options.training.steps, std::nullopt);
  EXPECT_EQ(options.progress, ProgressMode::automatic);
}

TEST(Options, EveryOptionReachesItsPlace) {
  const Options o = parse({"--dataset",
                           "mnist",
                           "--data-dir",
                           "/d",
                           "--normalize",
                           "standard",
                           "--validation",
                           "5000",
                           "--hidden",
                           "7,8",
                           "--activation",
                           "leaky-relu",
                           "--loss",
                           "mean-squared-error",
                           "--init",
                           "normal:0.05",
                           "--eta",
                           "0.25",
                           "--damping",
                           "absolute:2",
                           "--carry",
                           "old",
                           "--schedule",
                           "cosine",
                           "--warmup-steps",
                           "3",
                           "--batch",
                           "64",
                           "--steps",
                           "300",
                           "--logical-shards",
                           "16",
                           "--seed",
                           "99",
                           "--log-every",
                           "0",
                           "--evaluate-every",
                           "50",
                           "--out",
                           "/o",
                           "--progress",
                           "bar",
                           "--log-level",
                           "debug",
                           "--threads",
                           "2",
                           "--device",
                           "cuda",
                           "--precision",
                           "tf32",
                           "--describe"});
  EXPECT_EQ(o.data.dataset, "mnist");
  EXPECT_EQ(o.data.data_dir, "/d");
  EXPECT_EQ(o.normalisation, NormalisationKind::standard);
  EXPECT_EQ(o.validation, 5000);
  EXPECT_EQ(o.hidden, "7,8");
  EXPECT_EQ(o.activation, Activation::leaky_relu);
  EXPECT_EQ(o.loss, Loss::squared_error);
  EXPECT_EQ(o.initialisation, "normal:0.05");
  EXPECT_EQ(o.training.eta, 0.25);
  EXPECT_EQ(o.training.method.damping->kind, Damping::Kind::absolute);
  EXPECT_EQ(o.training.method.damping->value, 2);
  EXPECT_EQ(o.training.method.carry, Carry::old_weights);
  EXPECT_EQ(o.training.schedule, Schedule::cosine);
  EXPECT_EQ(o.training.warmup_steps, 3);
  EXPECT_EQ(o.training.batch, 64);
  EXPECT_EQ(o.training.steps, 300);
  EXPECT_EQ(o.training.logical_shards, 16);
  EXPECT_EQ(o.training.seed, 99U);
  EXPECT_EQ(o.data.seed, 99U);
  EXPECT_EQ(o.training.log_every, 0);
  EXPECT_EQ(o.training.evaluate_every, 50);
  EXPECT_EQ(o.out, "/o");
  EXPECT_EQ(o.progress, ProgressMode::bar);
  EXPECT_EQ(o.log_level, LogLevel::debug);
  EXPECT_EQ(o.threads, 2);
  EXPECT_EQ(o.device, DeviceChoice::cuda);
  EXPECT_EQ(o.precision, Precision::tf32);
  EXPECT_TRUE(o.describe);
  EXPECT_EQ(parse({"--network=dense(9,tanh) dense(10)"}).network, "dense(9,tanh) dense(10)");
  EXPECT_EQ(parse({"--hidden", ""}).hidden, "");
}

TEST(Options, Augmentation) {
  EXPECT_EQ(parse({}).training.augmentation, sibp::Augmentation{});
  EXPECT_EQ(parse({"--augment", "flip:alternating,translate:2,cutout:8"}).training.augmentation,
            (sibp::Augmentation{Flip::alternating, 2, 8}));
  EXPECT_EQ(parse({"--augment", "none"}, {{"SIBP_AUGMENT", "flip"}}).training.augmentation, sibp::Augmentation{});
  EXPECT_THAT(error_of({"--augment", "flip,cutout:0"}),
              AllOf(StartsWith("--augment: found 'flip,cutout:0'"), HasSubstr("flip,translate:2,cutout:8")));
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--augment", "flip"}),
              AllOf(StartsWith("--augment:"), HasSubstr("evaluate")));
  EXPECT_THAT(error_of({"--augment", "flip", "--batch-list", "rows"}),
              AllOf(StartsWith("--augment: found 'flip' with --batch-list"), HasSubstr("expected none")));
}

TEST(Options, LabelSmoothing) {
  EXPECT_EQ(parse({}).training.label_smoothing, 0);
  EXPECT_EQ(parse({"--label-smoothing", "0.2"}).training.label_smoothing, 0.2);
  for (const char* share : {"1", "-0.1", "nan", "some"})
    EXPECT_THAT(error_of({"--label-smoothing", share}), StartsWith("--label-smoothing: found"));
  EXPECT_THAT(error_of({"--label-smoothing", "0.2", "--loss", "mean-squared-error"}),
              AllOf(StartsWith("--label-smoothing: found '0.2' with --loss mean-squared-error"),
                    HasSubstr("softmax-cross-entropy")));
  EXPECT_NO_THROW(parse({"--label-smoothing", "0", "--loss", "mean-squared-error"}));
}

TEST(Options, Views) {
  EXPECT_EQ(parse({"evaluate", "--model", "m"}).views, Views::none);
  EXPECT_EQ(parse({"evaluate", "--model", "m", "--views", "flip+translate"}).views, Views::flip_translate);
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--views", "mirror"}),
              AllOf(StartsWith("--views: found 'mirror'"), HasSubstr("flip+translate")));
  EXPECT_THAT(error_of({"predict", "--model", "m", "--views", "flip"}),
              AllOf(StartsWith("--views:"), HasSubstr("predict")));
}

TEST(Options, OptionsOfOneDataSet) {
  const Options idx = parse(
      {"--dataset", "idx", "--train-images", "a", "--train-labels", "b", "--test-images", "c", "--test-labels", "d"});
  EXPECT_EQ(idx.data.train_images, "a");
  EXPECT_EQ(idx.data.test_labels, "d");
  const Options synthetic = parse({"--dataset", "synthetic", "--synthetic-samples", "500", "--synthetic-features", "9",
                                   "--synthetic-classes", "3"});
  EXPECT_EQ(synthetic.data.synthetic_samples, 500);
  EXPECT_EQ(synthetic.data.synthetic_features, 9);
  EXPECT_EQ(synthetic.data.synthetic_classes, 3);
  const Options pictures = parse({"--dataset", "synthetic", "--synthetic-shape", "8x7x3"});
  EXPECT_EQ(pictures.data.synthetic_shape, (TensorShape{8, 7, 3}));
  EXPECT_THAT(error_of({"--dataset", "synthetic", "--synthetic-shape", "8x7"}),
              AllOf(StartsWith("--synthetic-shape: found '8x7'"), HasSubstr("8x8x3")));
  EXPECT_THAT(error_of({"--dataset", "synthetic", "--synthetic-shape", "8x7x3", "--synthetic-features", "9"}),
              AllOf(HasSubstr("--synthetic-shape"), HasSubstr("--synthetic-features")));
  EXPECT_THAT(error_of({"--synthetic-samples", "500"}),
              AllOf(StartsWith("--synthetic-samples:"), HasSubstr("--dataset fashion-mnist")));
  EXPECT_THAT(error_of({"--dataset", "idx", "--train-images", "a"}), StartsWith("--train-labels:"));
  EXPECT_NO_THROW(parse({}, {{"SIBP_SYNTHETIC_SAMPLES", "5"}}));
}

TEST(Options, CommandIsTheFirstWord) {
  const Options options = parse({"evaluate", "--model", "m.safetensors", "--split", "train"});
  EXPECT_EQ(options.command, Command::evaluate);
  EXPECT_EQ(options.model, "m.safetensors");
  EXPECT_EQ(options.split, Split::train);
  EXPECT_EQ(parse({"predict", "--model", "m", "--predictions", "p.csv"}).predictions, "p.csv");
  EXPECT_EQ(parse({"train"}).command, Command::train);
  EXPECT_THAT(error_of({"tarin"}), AllOf(HasSubstr("'tarin'"), HasSubstr("train, evaluate, predict")));
  EXPECT_THAT(error_of({"train", "again"}), HasSubstr("'again'"));
  EXPECT_THAT(error_of({"evaluate"}), StartsWith("--model:"));
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--split", "validation"}), StartsWith("--split:"));
}

TEST(Options, OptionsOfAnotherCommandAreRefusedOnTheCommandLineOnly) {
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--eta", "1"}), AllOf(StartsWith("--eta:"), HasSubstr("evaluate")));
  EXPECT_THAT(error_of({"--model", "m"}), AllOf(StartsWith("--model:"), HasSubstr("train")));
  EXPECT_THAT(error_of({"evaluate", "--model", "m", "--predictions", "p"}), StartsWith("--predictions:"));
  EXPECT_THAT(error_of({"predict", "--model", "m", "--describe"}), StartsWith("--describe:"));
  EXPECT_NO_THROW(parse({"evaluate", "--model", "m"}, {{"SIBP_ETA", "1"}}));
}

TEST(Options, CommandLineBeatsEnvironmentBeatsFileBeatsDefault) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "c.ini";
  write_file_whole(config, "# a comment\nbatch = 11\nlogical-shards = 12\nseed = 13  # another\n");
  const Environment environment{{"SIBP_BATCH", "21"}, {"SIBP_LOGICAL_SHARDS", "22"}, {"HOME", "/"}};
  const Options options = parse({"--config", config, "--batch", "31"}, environment);
  EXPECT_EQ(options.training.batch, 31);
  EXPECT_EQ(options.training.logical_shards, 22);
  EXPECT_EQ(options.training.seed, 13U);
  EXPECT_EQ(options.training.epochs, TrainingOptions{}.epochs);
  EXPECT_EQ(parse({}, {{"SIBP_CONFIG", config}}).training.batch, 11);
}

TEST(Options, OfTwoThatExcludeEachOtherTheHigherCounts) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "c.ini";
  write_file_whole(config, "steps = 10\nnetwork = dense(3)\n");
  const Options options = parse({"--config", config, "--epochs", "2", "--hidden", "5"});
  EXPECT_EQ(options.training.steps, std::nullopt);
  EXPECT_EQ(options.training.epochs, 2);
  EXPECT_EQ(options.network, "");
  EXPECT_EQ(options.hidden, "5");
  EXPECT_EQ(parse({"--config", config}, {{"SIBP_EPOCHS", "3"}}).training.steps, std::nullopt);
  EXPECT_EQ(parse({"--steps", "4"}, {{"SIBP_EPOCHS", "3"}}).training.steps, 4);
  EXPECT_THAT(error_of({"--epochs", "1", "--steps", "1"}), AllOf(HasSubstr("--epochs"), HasSubstr("--steps")));
  EXPECT_THAT(error_of({"--hidden", "1", "--network", "dense(1)"}),
              AllOf(HasSubstr("--hidden"), HasSubstr("--network")));
  EXPECT_THAT(error_of({}, {{"SIBP_EPOCHS", "1"}, {"SIBP_STEPS", "1"}}),
              AllOf(HasSubstr("SIBP_EPOCHS"), HasSubstr("SIBP_STEPS")));
}

TEST(Options, PresetsStandForTheirOptions) {
  const Options mnist = parse({"--preset", "paper-mnist"});
  EXPECT_EQ(mnist.data.dataset, "mnist");
  EXPECT_EQ(mnist.hidden, "500");
  EXPECT_EQ(mnist.training.batch, 100);
  EXPECT_EQ(mnist.validation, 5000);
  const Options cifar = parse({"--preset", "proxprop-cifar10"});
  EXPECT_EQ(cifar.data.dataset, "cifar10");
  EXPECT_EQ(cifar.hidden, "4000,1000,4000");
  EXPECT_EQ(cifar.training.batch, 500);
  EXPECT_EQ(cifar.validation, 5000);
  EXPECT_EQ(cifar.normalisation, NormalisationKind::mean);
  EXPECT_EQ(parse({"evaluate", "--model", "m", "--preset", "paper-mnist"}).validation, 5000);
}

TEST(Options, APresetYieldsToEveryOtherSource) {
  const testing_support::TemporaryFolder folder;
  const auto config = folder.path() / "c.ini";
  write_file_whole(config, "preset = proxprop-cifar10\nbatch = 11\nnormalize = none\nnetwork = dense(10)\n");
  const Options options = parse({"--config", config, "--validation", "31"}, {{"SIBP_NORMALIZE", "standard"}});
  EXPECT_EQ(options.data.dataset, "cifar10");
  EXPECT_EQ(options.validation, 31);
  EXPECT_EQ(options.normalisation, NormalisationKind::standard);
  EXPECT_EQ(options.training.batch, 11);
  EXPECT_EQ(options.network, "dense(10)");
  EXPECT_EQ(options.hidden, Options{}.hidden);
  EXPECT_EQ(parse({}, {{"SIBP_PRESET", "paper-mnist"}}).data.dataset, "mnist");
  EXPECT_EQ(parse({"--config", config, "--preset", "paper-mnist"}).data.dataset, "mnist");
}

TEST(Options, AnUnknownPresetIsAnErrorThatNamesTheKnownOnes) {
  for (const std::string name : {"paper", ""}) {
    EXPECT_THAT(error_of({"--preset", name}), AllOf(StartsWith("--preset: "), HasSubstr("'" + name + "'"),
                                                    HasSubstr("paper-mnist, proxprop-cifar10")));
  }
  EXPECT_THAT(error_of({}, {{"SIBP_PRESET", "x"}}), StartsWith("SIBP_PRESET: "));
}

TEST(Options, LaunchersAreSeen) {
  EXPECT_FALSE(parse({}, {{"TERM", "xterm"}}).has_launcher);
  for (const char* variable : {"OMPI_COMM_WORLD_SIZE", "PMIX_RANK", "SLURM_PROCID", "PMI_RANK"}) {
    EXPECT_TRUE(parse({}, {{variable, "0"}}).has_launcher) << variable;
  }
}

TEST(Options, HelpShowsEveryOptionWithItsDefault) {
  const std::string help = help_text();
  for (const OptionEntry& entry : option_table()) {
    EXPECT_THAT(help, HasSubstr(fmt::format("--{} ", entry.name)));
    EXPECT_FALSE(entry.help.empty());
    const auto standard = entry.binding.get(Options{});
    if (entry.place != Place::command_line) {
      EXPECT_TRUE(standard || !entry.without_default.empty()) << entry.name;
    }
  }
  EXPECT_THAT(help, HasSubstr("(=relative:2; "));
  EXPECT_THAT(help, HasSubstr("(=min(3, 6 / layers))"));
  EXPECT_TRUE(parse({"--help"}).help);
  EXPECT_FALSE(parse({"--help"}).names_command);
  EXPECT_TRUE(parse({"--version", "--eta", "-1"}, {{"SIBP_NONSENSE", "1"}}).version);
  EXPECT_THAT(version_text(), StartsWith("sibp_dist "));
}

TEST(Options, HelpOfACommandHasItsOwnOptionsAlone) {
  for (const Options& options : {parse({"help", "plan"}), parse({"plan", "--help"}), parse({"plan", "-h"})}) {
    EXPECT_TRUE(options.help && options.names_command);
    EXPECT_EQ(options.command, Command::plan);
  }
  EXPECT_TRUE(parse({"-h"}).help);
  EXPECT_TRUE(parse({"help"}).help);
  const std::string help = help_text(Command::plan);
  EXPECT_THAT(help, AllOf(HasSubstr("sibp_dist plan"), HasSubstr("--bandwidth"), Not(HasSubstr("--eta "))));
}

TEST(Options, AVariableOfNoOptionIsAWarning) {
  const Options options = parse({}, {{"SIBP_ROOT", "/opt/sibp"}, {"SIBP_HIDEN", "5"}});
  EXPECT_THAT(options.warnings, testing::UnorderedElementsAre(StartsWith("SIBP_ROOT: no option"),
                                                              HasSubstr("did you mean SIBP_HIDDEN?")));
}

TEST(Options, TheManualHasEveryCommandAndOption) {
  const std::string manual = manual_text();
  for (const Command command : all_commands_in_order())
    EXPECT_THAT(manual,
                HasSubstr(fmt::format("\\fBsibp_dist\\fR {}", command == Command::train ? "[" : name_of(command))));
  for (const OptionEntry& entry : option_table()) {
    std::string name(entry.name);
    for (std::size_t at = 0; (at = name.find('-', at)) != std::string::npos; at += 2) name.insert(at, "\\");
    EXPECT_THAT(manual, HasSubstr("\\fB\\-\\-" + name + "\\fR"));
  }
  EXPECT_EQ(text_asked_for(parse({"man"})), manual);
  EXPECT_EQ(text_asked_for(parse({"train"})), std::nullopt);
}

TEST(Options, AModelCanFollowItsCommand) {
  EXPECT_EQ(parse({"evaluate", "runs/x"}).model, "runs/x");
  EXPECT_THAT(error_of({"predict", "a", "--model", "b"}), HasSubstr("twice"));
  EXPECT_THAT(error_of({"evaluate", "a", "b"}), HasSubstr("'b'"));
}

TEST(Options, CompletionKnowsEveryOption) {
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish})
    for (const OptionEntry& entry : option_table())
      EXPECT_THAT(completion_text(shell), HasSubstr(std::string(entry.name)));
}

}  // namespace
}  // namespace sibp
