// Who owns which system: dealing, choosing, and what is predicted of it.
#include "sibp/layer/language.hpp"
#include "sibp/update/step_prediction.hpp"

#include <set>

#include <gtest/gtest.h>

namespace sibp {
namespace {

NetworkSpec large_network() {
  return network_from_widths("4000,1000,4000", 3072, 10, Loss::softmax_cross_entropy, Activation::relu);
}

TEST(StepPlan, TheLongestWorkIsDealtFirstToTheRankThatHasLeast) {
  const std::vector<double> work{1, 5, 3, 4};
  EXPECT_EQ(deal_longest_first(work, nodes_of_neighbours(2, 1)), (std::vector{0, 0, 1, 1}));
  EXPECT_EQ(deal_longest_first(work, nodes_of_neighbours(1, 1)), std::vector(4, 0));
}

TEST(StepPlan, WorkIsDealtOverNodesFirst) {
  const std::vector<double> work{4, 3, 2, 1};
  EXPECT_EQ(deal_longest_first(work, nodes_of_neighbours(4, 2)), (std::vector{0, 2, 3, 1}));
  EXPECT_EQ(deal_longest_first(std::span(work).first(2), nodes_of_neighbours(8, 4)), (std::vector{0, 4}));
}

TEST(StepPlan, PlacesAreReadAsTheyAreWritten) {
  const std::vector<SystemPlace> places{{}, {3, false}, {12, true}};
  EXPECT_EQ(to_text(places), "-,3,12s");
  EXPECT_EQ(places_from_text("-,3,12s"), places);
  EXPECT_EQ(places_from_text(""), std::vector<SystemPlace>{});
  for (const char* text : {"x", "1,,2", "s", "-,2x"}) EXPECT_FALSE(places_from_text(text)) << text;
}

struct Machine {
  int ranks;
  Index every = 1;
  Wire wire = Wire::float32;
  Owners owners = Owners::automatic;
  Index sample = 1;
};

/// 500 samples a rank, 1 TFLOP/s, 2 µs and 12.5 GB/s.
StepPrediction predicted(const Machine& machine) {
  const NetworkSpec spec = large_network();
  const MachineRates rates = rates_on(MachineRates::uniform(1e12, 0, 1), {2e-6, 12.5e9}, machine.ranks);
  StepShape shape{.batch = 500 * machine.ranks, .ranks = machine.ranks, .gram_every = machine.every};
  shape.wire = machine.wire;
  shape.gram_sample = machine.sample;
  const std::vector<int> nodes = nodes_of_neighbours(machine.ranks, 1);
  const PlanChoices choices{.candidates = candidates_on(shape, true),
                            .owners = machine.owners,
                            .owners_may_solve = machine.wire == Wire::float32,
                            .nodes_of_ranks = nodes};
  return predict_step(spec, shape, rates, make_step_plan(spec, shape, rates, choices));
}

TEST(StepPlan, OwnersAreDifferentRanksAndSaveTheFactorisationsOfAllOthers) {
  const StepPrediction owned = predicted({.ranks = 1024});
  const StepPrediction all = predicted({.ranks = 1024, .owners = Owners::all});
  EXPECT_TRUE(all.plan.places.empty());
  ASSERT_EQ(owned.plan.places.size(), 4U);
  std::set<int> owners;
  for (const SystemPlace& place : owned.plan.places) owners.insert(place.owner.value());
  EXPECT_EQ(owners.size(), 4U);
  EXPECT_LT(owned.seconds(), 0.8 * all.seconds());
}

TEST(StepPlan, OneRankHasNoOwners) {
  EXPECT_TRUE(predicted({.ranks = 1, .owners = Owners::factorising}).plan.places.empty());
}

TEST(StepPlan, OwnersAreMadeWhereTheyAreAskedFor) {
  for (const SystemPlace& place : predicted({.ranks = 4, .every = 2, .owners = Owners::factorising}).plan.places)
    EXPECT_TRUE(place.owner && !place.owner_solves);
  for (const SystemPlace& place : predicted({.ranks = 4, .every = 2, .owners = Owners::solving}).plan.places)
    EXPECT_TRUE(place.owner);
}

TEST(StepPlan, WeakScalingToAThousandRanks) {
  const double one = predicted({.ranks = 1}).seconds();
  EXPECT_GE(one / predicted({.ranks = 1024, .every = 10, .sample = 8}).seconds(), 0.80);
  EXPECT_GE(one / predicted({.ranks = 1024, .every = 10, .wire = Wire::bfloat16, .sample = 8}).seconds(), 0.90);
}

}  // namespace
}  // namespace sibp
