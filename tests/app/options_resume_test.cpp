// The options of checkpoints, and which of a run may change when it goes on.
#include "sibp/app/run/resume.hpp"

#include "app/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;

TEST(CheckpointOptions, AnIntervalIsStepsOrATime) {
  const auto interval = [](const std::string& text) {
    return parse({"--checkpoint-every", text}).guard.checkpoint_every;
  };
  EXPECT_EQ(interval("200").steps, 200);
  EXPECT_EQ(interval("200").seconds, 0);
  EXPECT_EQ(interval("30s").seconds, 30);
  EXPECT_EQ(interval("10min").seconds, 600);
  EXPECT_EQ(interval("1.5h").seconds, 5400);
  EXPECT_EQ(interval("0").seconds, 0);
  EXPECT_EQ(parse({}).guard.checkpoint_every.seconds, 600);
  for (const std::string text : {"", "-1", "10m", "min", "0s", "10 min", "ten", "1e400s", "nan s"})
    EXPECT_THAT(error_of({"--checkpoint-every", text}), HasSubstr("--checkpoint-every: found '" + text)) << text;
}

TEST(CheckpointOptions, AnIntervalSurvivesTheConfigFile) {
  for (const std::string text : {"200", "30s", "10min", "2h", "90s", "0"}) {
    const std::string written = to_ini(parse({"--checkpoint-every", text}));
    EXPECT_THAT(written, HasSubstr("checkpoint-every = " + text + "\n"));
  }
  EXPECT_THAT(to_ini(parse({"--checkpoint-every", "0.5h"})), HasSubstr("checkpoint-every = 30min\n"));
}

TEST(CheckpointOptions, TheCommandNeedsAnActionAndAFolder) {
  const Options options = parse({"checkpoint", "verify", "runs/a"});
  EXPECT_EQ(options.command, Command::checkpoint);
  EXPECT_EQ(options.checkpoint_action, CheckpointAction::verify);
  EXPECT_EQ(options.checkpoint_folder, "runs/a");
  EXPECT_THAT(error_of({"checkpoint"}), HasSubstr("expected ls, verify or show"));
  EXPECT_THAT(error_of({"checkpoint", "ls"}), HasSubstr("folder"));
  EXPECT_THAT(error_of({"checkpoint", "rm", "a"}), HasSubstr("'rm'"));
  EXPECT_THAT(error_of({"checkpoint", "ls", "a", "b"}), HasSubstr("'b'"));
  EXPECT_THAT(error_of({"checkpoint", "ls", "a", "--eta", "1"}), HasSubstr("--eta"));
}

TEST(WatchOptions, TheCommandNeedsAFolderAndNoRanks) {
  const Options options = parse({"watch", "runs/a", "--progress", "lines"});
  EXPECT_EQ(options.command, Command::watch);
  EXPECT_EQ(options.watched, "runs/a");
  EXPECT_EQ(options.progress, ProgressMode::lines);
  EXPECT_THAT(error_of({"watch"}), HasSubstr("expected the folder of a run"));
  EXPECT_THAT(error_of({"watch", "a", "b"}), HasSubstr("'b'"));
  EXPECT_THAT(error_of({"watch", "a", "--eta", "1"}), HasSubstr("--eta"));
  const auto alone = [](std::vector<const char*> argv) {
    return works_without_ranks(static_cast<int>(argv.size()), argv.data());
  };
  EXPECT_TRUE(alone({"sibp_dist", "watch", "runs/a"}));
  EXPECT_TRUE(alone({"sibp_dist", "--progress", "bar", "watch", "runs/a"}));
  EXPECT_FALSE(alone({"sibp_dist", "help", "watch"}));
  EXPECT_FALSE(alone({"sibp_dist", "train"}));
  EXPECT_FALSE(alone({"sibp_dist", "--unknown"}));
}

/// The options of a run that goes on from a checkpoint which `before` was written with.
Options resumed(std::initializer_list<std::string> words, std::initializer_list<std::string> before) {
  const std::string config = to_ini(parse(before));
  std::vector<const char*> argv{"sibp_dist"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  const Options options = parse_options(static_cast<int>(argv.size()), argv.data(), {}, config);
  check_same_training(options, config);
  return options;
}

std::string error_on_resume(std::initializer_list<std::string> words, std::initializer_list<std::string> before) {
  try {
    resumed(words, before);
  } catch (const Error& error) {
    return error.status() == ExitStatus::usage ? error.what() : std::string("wrong status: ") + error.what();
  }
  return "no error";
}

TEST(CheckpointOptions, TheBestNeedsAValidationSet) {
  EXPECT_EQ(parse({"--keep-best", "validation_loss", "--validation", "10"}).guard.keep_best, Measure::validation_loss);
  EXPECT_THAT(error_of({"--keep-best", "validation_accuracy"}),
              AllOf(HasSubstr("--keep-best: found 'validation_accuracy'"), HasSubstr("--validation N")));
  EXPECT_THAT(error_of({"--keep-best", "test_accuracy", "--validation", "10"}), HasSubstr("one of none, validation_"));
}

TEST(ResumeOptions, AParameterOfTheCheckpointsMethodIsNoErrorYet) {
  const Options options = parse({"--resume", "runs/a", "--lr", "0.1"});
  EXPECT_THAT(options.wrong_without_checkpoint, HasSubstr("--lr: means nothing to --method sibp"));
  EXPECT_EQ(parse({"--resume", "runs/a", "--eta", "0.1"}).wrong_without_checkpoint, "");
  EXPECT_THAT(error_of({"--resume", "runs/a", "--method", "sibp", "--lr", "0.1"}), HasSubstr("means nothing"));
  EXPECT_THAT(error_on_resume({"--resume", "runs/a", "--lr", "0.1"}, {"--method", "adam", "--lr", "0.2"}),
              HasSubstr("--lr: found '0.1', expected '0.2' as in the checkpoint"));
  EXPECT_THAT(error_on_resume({"--resume", "runs/a", "--lr", "0.1"}, {"--method", "published"}),
              HasSubstr("--lr: means nothing to --method published"));
}

TEST(ResumeOptions, WhatMayChangeTheLastBitsIsSaid) {
  const RunFacts then{.ranks = 2, .machine = {{"version", "1"}, {"processor", "A"}, {"device", "x kernels"}}};
  RunFacts now = then;
  EXPECT_EQ(changes_since(then, now, false), "");
  now.ranks = 3;
  now.machine["device"] = "y kernels";
  EXPECT_EQ(changes_since(then, now, false), "device y kernels instead of x kernels, ranks 3 instead of 2");
  EXPECT_EQ(changes_since(then, now, true), "device y kernels instead of x kernels");
  EXPECT_EQ(changes_since({.ranks = 3}, now, false), "");  // an older version wrote down nothing
}

TEST(ResumeOptions, WhatIsNotGivenIsTheCheckpoints) {
  const Options options = resumed({}, {"--hidden", "20,30", "--method", "adam", "--lr", "0.5", "--batch", "60",
                                       "--steps", "77", "--seed", "5", "--validation", "10", "--keep", "9"});
  EXPECT_EQ(options.hidden, "20,30");
  EXPECT_EQ(options.training.method.method, Method::adam);
  EXPECT_EQ(options.training.eta, 0.5);
  EXPECT_EQ(options.training.batch, 60);
  EXPECT_EQ(options.training.steps, 77);
  EXPECT_EQ(options.data.seed, 5U);
  EXPECT_EQ(options.guard.keep, 9);
}

TEST(ResumeOptions, LengthLoggingAndPlaceMayChange) {
  const Options options =
      resumed({"--epochs", "9", "--log-every", "3", "--threads", "2", "--data-dir", "/elsewhere", "--form", "normal",
               "--keep", "1", "--checkpoint-every", "5", "--stall-timeout", "9"},
              {"--steps", "10", "--form", "dual"});
  EXPECT_EQ(options.training.epochs, 9);
  EXPECT_FALSE(options.training.steps);
  EXPECT_EQ(options.training.log_every, 3);
  EXPECT_EQ(options.data.data_dir, "/elsewhere");
  EXPECT_EQ(options.training.method.forms, std::vector{Form::normal});
}

TEST(ResumeOptions, WhatMakesAnotherTrainingIsRefused) {
  const auto error = [](std::initializer_list<std::string> words) { return error_on_resume(words, {"--batch", "60"}); };
  EXPECT_THAT(error({"--augment", "flip"}), HasSubstr("--augment: found 'flip', expected 'none'"));
  EXPECT_THAT(error({"--label-smoothing", "0.1"}), HasSubstr("--label-smoothing: found '0.1', expected '0'"));
  EXPECT_THAT(error({"--batch", "50"}), AllOf(HasSubstr("--batch: found '50', expected '60'"), HasSubstr("--resume")));
  EXPECT_THAT(error({"--hidden", "7"}), HasSubstr("--hidden: found '7', expected '500'"));
  EXPECT_THAT(error({"--network", "dense(10)"}), HasSubstr("--hidden: found nothing, expected '500'"));
  EXPECT_THAT(error({"--logical-shards", "7"}), HasSubstr("--logical-shards: found '7', expected '64'"));
  EXPECT_THAT(error({"--seed", "7"}), HasSubstr("--seed"));
  EXPECT_THAT(error({"--dataset", "mnist"}), HasSubstr("--dataset: found 'mnist', expected 'fashion-mnist'"));
  EXPECT_THAT(error({"--method", "adam"}), HasSubstr("--method: found 'adam', expected 'sibp'"));
  EXPECT_THAT(error({"--damping", "relative:2"}), HasSubstr("--damping"));
  EXPECT_THAT(error({"--schedule", "constant"}), HasSubstr("--schedule"));
  EXPECT_THAT(error({"--normalize", "none"}), HasSubstr("--normalize"));
  EXPECT_THAT(error({"--validation", "7"}), HasSubstr("--validation"));
  EXPECT_EQ(error({"--batch", "60", "--hidden", "500"}), "no error");
}

TEST(ResumeOptions, AReproducibleRunStaysOne) {
  const Options options = resumed({}, {"--reproducible", "--batch", "60"});
  EXPECT_TRUE(options.reproducible);
  EXPECT_EQ(options.sums.sums, Sums::exact);
  EXPECT_EQ(options.sums.most_samples, 60);
  EXPECT_THAT(error_on_resume({"--reproducible=off"}, {"--reproducible"}), HasSubstr("--reproducible: found 'off'"));
  EXPECT_THAT(error_on_resume({"--reproducible"}, {}), HasSubstr("--reproducible: found 'on', expected 'off'"));
}

TEST(ResumeOptions, WhatWasChosenStays) {
  EXPECT_EQ(resumed({"--sums", "auto"}, {"--sums", "shared"}).sums.sums, Sums::shared);
  EXPECT_EQ(resumed({"--sums", "library"}, {"--sums", "shared"}).sums.sums, Sums::library);
  EXPECT_EQ(resumed({"--sums", "measure"}, {"--sums", "shared"}).sums.sums, Sums::shared);
  EXPECT_FALSE(resumed({"--form", "measure"}, {"--form", "dual,normal"}).training.method.measures_forms);
  EXPECT_EQ(resumed({"--form", "auto"}, {"--form", "dual,normal"}).training.method.forms,
            (std::vector{Form::dual, Form::normal}));
}

}  // namespace
}  // namespace sibp
