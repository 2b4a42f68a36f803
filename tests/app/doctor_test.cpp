#include "app/commands/doctor_text.hpp"

#include <numeric>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

/// A rank of one thread on its own core of a host of four.
RankFacts rank_on(std::string host, int core) {
  return {.host = std::move(host),
          .cores = {core},
          .host_cores = 4,
          .threads = 1,
          .memory_bytes = 64e9,
          .free_bytes = 60e9,
          .shared_bytes = 32e9,
          .gpu = "none",
          .processor = "Some CPU",
          .mpi = "Some MPI 1",
          .blas = "Some BLAS",
          .build = "1, abc"};
}

/// Two hosts whose four ranks have a core each.
std::vector<RankFacts> two_hosts() {
  std::vector<RankFacts> facts;
  for (const char* host : {"n1", "n2"})
    for (int core = 0; core < 4; ++core) facts.push_back(rank_on(host, core));
  return facts;
}

const std::vector<LinkRate> good_links{{0, 1, true, 1e-6, 5e9}, {4, 5, true, 2e-6, 4e9}, {0, 4, false, 50e-6, 1e9}};

TEST(Doctor, RangesOfNumbers) {
  EXPECT_EQ(ranges_text({}), "");
  EXPECT_EQ(ranges_text({3}), "3");
  EXPECT_EQ(ranges_text({0, 1, 2, 5, 7, 8}), "0-2,5,7-8");
}

TEST(Doctor, RanksThatAreAlikeAreOneRow) {
  EXPECT_EQ(facts_text(two_hosts(), good_links),
            "ranks  hosts  cores of a rank  bound to  threads  memory (free)      /dev/shm free  GPU\n"
            "0-7    n1 n2  1 of 4           0-3       1        64.0 GB (60.0 GB)  32.0 GB        none\n"
            "\n"
            "processor  Some CPU\n"
            "products   Some BLAS\n"
            "MPI        Some MPI 1\n"
            "build      1, abc\n"
            "links      within a node: 2.0 µs a message, 4.00 GB/s; the worst of 2 (slow: over 20 µs, under 1 GB/s)\n"
            "links      between nodes: 50.0 µs a message, 1.00 GB/s; the worst of 1 (slow: over 200 µs, under 0.1 "
            "GB/s)\n");
}

TEST(Doctor, ARankThatIsOtherHasARowAndLinesOfItsOwn) {
  auto facts = two_hosts();
  facts[5].threads = 3;
  facts[5].processor = "Other CPU";
  const std::string text = facts_text(facts, {});
  EXPECT_THAT(text, AllOf(HasSubstr("\n0-4,6-7  "), HasSubstr("\n5        "), HasSubstr("Other CPU (ranks 5)\n"),
                          HasSubstr("Some CPU (ranks 0-4,6-7)\n"), Not(HasSubstr("links"))));
}

TEST(Doctor, ManyHostsAreCounted) {
  std::vector<RankFacts> facts;
  for (int q = 0; q < 100; ++q) facts.push_back(rank_on("n" + std::to_string(100 + q), 0));
  EXPECT_THAT(facts_text(facts, {}), HasSubstr("0-99   n100 ... n199 (100 hosts)  1 of 4 "));
}

TEST(Doctor, NothingIsWrongWithAGoodMachine) {
  EXPECT_THAT(warnings_of(two_hosts(), good_links), IsEmpty());
  EXPECT_EQ(warnings_text({}), "");
}

TEST(Doctor, WarnsOfMoreThreadsThanCores) {
  auto facts = two_hosts();
  facts[6].threads = 2;
  EXPECT_THAT(warnings_of(facts, {}),
              ElementsAre(AllOf(HasSubstr("n2: ranks 4-7 have 5 threads on 4 core(s) (0-3)"), HasSubstr("OMP_NUM"))));
  facts = two_hosts();
  facts[1].cores = {0};  // its neighbour's
  facts[2].cores = {1, 2, 3};
  EXPECT_THAT(warnings_of(facts, {}), ElementsAre(HasSubstr("n1: ranks 0-1 have 2 threads on 1 core(s) (0)")));
}

TEST(Doctor, WarnsOfCoresThatLieIdle) {
  auto facts = two_hosts();
  facts.resize(6);
  EXPECT_THAT(warnings_of(facts, {}),
              ElementsAre(AllOf(HasSubstr("n2: 2 threads on a host of 4 cores"), HasSubstr("--bind-to none"))));
}

TEST(Doctor, WarnsOfRanksThatAreOther) {
  for (auto [value, name] : {std::pair(&RankFacts::build, "build"), std::pair(&RankFacts::mpi, "MPI library"),
                             std::pair(&RankFacts::processor, "type of processor"),
                             std::pair(&RankFacts::blas, "library or kernels for products")}) {
    auto facts = two_hosts();
    facts[3].*value = facts[4].*value = "other";
    EXPECT_THAT(warnings_of(facts, {}), ElementsAre(AllOf(HasSubstr("ranks 3-4 have another " + std::string(name)),
                                                          HasSubstr("'other' and '"))));
  }
}

TEST(Doctor, WarnsOfSlowLinks) {
  for (const LinkRate& link : {LinkRate{4, 5, true, 30e-6, 5e9}, LinkRate{4, 5, true, 1e-6, 0.5e9},
                               LinkRate{0, 4, false, 300e-6, 1e9}, LinkRate{0, 4, false, 20e-6, 0.05e9}}) {
    auto links = good_links;
    links.push_back(link);
    const std::string hosts = link.same_node ? "ranks 4 and 5 (n2)" : "ranks 0 and 4 (n1 to n2)";
    EXPECT_THAT(warnings_of(two_hosts(), links), ElementsAre(AllOf(HasSubstr(hosts), HasSubstr("slow"))));
  }
}

TEST(Doctor, WarnsOfLittleMemoryOncePerHost) {
  auto facts = two_hosts();
  for (int q = 4; q < 8; ++q) facts[static_cast<std::size_t>(q)].shared_bytes = 64e6;
  EXPECT_THAT(warnings_of(facts, {}), ElementsAre(HasSubstr("n2: 64 MB are free in /dev/shm, expected 256")));
  facts = two_hosts();
  facts[0].free_bytes = 6e9;
  facts[0].advice = "do this";
  EXPECT_THAT(warnings_of(facts, {}),
              ElementsAre(HasSubstr("n1: 6.0 of 64.0 GB of memory are free"), HasSubstr("n1: do this")));
}

TEST(Doctor, TheVerdictIsTheWorstOfTheChecks) {
  const SelfCheck good{"this", true, "1"};
  const SelfCheck bad{"that", false, "2"};
  EXPECT_TRUE(all_passed({good, good}));
  EXPECT_FALSE(all_passed({good, bad}));
  EXPECT_THAT(verdict_text({good}, 0), AllOf(HasSubstr("  ok      this: 1\n"), HasSubstr("works here; no warnings")));
  EXPECT_THAT(verdict_text({good, bad}, 2),
              AllOf(HasSubstr("  FAILED  that: 2\n"), HasSubstr("does NOT work here; 2 warnings")));
}

}  // namespace
}  // namespace sibp
