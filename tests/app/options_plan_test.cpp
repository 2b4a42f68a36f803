#include "app/parse.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::StartsWith;

TEST(OptionsOfPlan, ReachTheirPlaces) {
  const Options o =
      parse({"plan",   "--nodes",     "1,2,64",    "--ranks-per-node", "4",    "--flops",   "1e12", "--latency",
             "2e-6",   "--bandwidth", "1.25e10",   "--features",       "3072", "--classes", "10",   "--json",
             "p.json", "--hidden",    "4000,1000", "--batch",          "500",  "--form",    "dual", "--carry",
             "old"});
  EXPECT_EQ(o.command, Command::plan);
  EXPECT_THAT(o.plan.nodes, ElementsAre(1, 2, 64));
  EXPECT_EQ(o.plan.ranks_per_node, 4);
  EXPECT_EQ(o.plan.flops, 1e12);
  EXPECT_EQ(o.plan.latency, 2e-6);
  EXPECT_EQ(o.plan.bandwidth, 1.25e10);
  EXPECT_EQ(o.plan.features, 3072);
  EXPECT_EQ(o.plan.classes, 10);
  EXPECT_EQ(o.plan.json, "p.json");
  EXPECT_EQ(o.training.batch, 500);
  EXPECT_THAT(o.training.method.forms, ElementsAre(Form::dual));
}

TEST(OptionsOfPlan, ATopologyStandsForNodesAndRanks) {
  const Options o = parse({"plan", "--topology", "6x4", "--node-bandwidth", "1e11"});
  EXPECT_THAT(o.plan.nodes, ElementsAre(1, 2, 4, 6));
  EXPECT_EQ(o.plan.ranks_per_node, 4);
  EXPECT_EQ(o.plan.node_bandwidth, 1e11);
  for (const char* wrong : {"6", "0x4", "6x", "ax2", "6x4x"})
    EXPECT_THAT(error_of({"plan", "--topology", wrong}), StartsWith("--topology: found"));
}

TEST(OptionsOfPlan, AShapeStandsForFeatures) {
  const Options o = parse({"plan", "--shape", "32x32x3", "--classes", "10"});
  EXPECT_EQ(o.plan.shape, (TensorShape{32, 32, 3}));
  EXPECT_THAT(error_of({"plan", "--shape", "32x32x3"}), StartsWith("--shape: found alone"));
  EXPECT_THAT(error_of({"plan", "--shape", "32", "--classes", "10"}), StartsWith("--shape: found '32'"));
  EXPECT_THAT(error_of({"plan", "--shape", "32x32x3", "--features", "3072", "--classes", "10"}),
              testing::AllOf(HasSubstr("--shape"), HasSubstr("--features")));
}

TEST(OptionsOfPlan, ThoseOfTrainingAloneAreRefused) {
  EXPECT_THAT(error_of({"plan", "--eta", "1"}), StartsWith("--eta:"));
  EXPECT_THAT(error_of({"plan", "--seed", "1"}), StartsWith("--seed:"));
  EXPECT_THAT(error_of({"plan", "--out", "d"}), StartsWith("--out:"));
  EXPECT_THAT(error_of({"--nodes", "1,2"}), StartsWith("--nodes:"));
}

TEST(OptionsOfPlan, ErrorsNameTheOption) {
  EXPECT_THAT(error_of({"plan", "--nodes", "1,,2"}), HasSubstr("'1,,2'"));
  EXPECT_THAT(error_of({"plan", "--nodes", "0"}), StartsWith("--nodes:"));
  EXPECT_THAT(error_of({"plan", "--latency", "0"}), StartsWith("--latency:"));
  EXPECT_THAT(error_of({"plan", "--features", "784"}), StartsWith("--features:"));
  EXPECT_THAT(error_of({"plan", "--classes", "10"}), StartsWith("--classes:"));
}

TEST(OptionsOfPlan, StayOutOfTheConfigFile) {
  EXPECT_THAT(to_ini(parse({})), testing::Not(HasSubstr("ranks-per-node")));
}

}  // namespace
}  // namespace sibp
