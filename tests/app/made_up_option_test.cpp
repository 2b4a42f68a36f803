// An option that nobody knew: its entry in the table is all that it needs to be given in every way, explained,
// completed and written down.
#include "app/cli/option_bindings.hpp"
#include "app/cli/option_table.hpp"
#include "app/parse.hpp"
#include "support/temporary_folder.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

Index height_of_waves = 3;

void append_made_up_options(OptionTable& table) {
  table.push_back({.name = "wave-height",
                   .group = "Waves (train)",
                   .value_name = "CENTIMETRES",
                   .help = "height of the waves",
                   .binding = integer(
                       [](auto&) -> auto& { return height_of_waves; }, 1, 900)});
}

class MadeUpOption : public testing::Test {
 protected:
  static void SetUpTestSuite() { option_parts().push_back(append_made_up_options); }
  void SetUp() override { height_of_waves = 3; }
};

TEST_F(MadeUpOption, IsGivenInEveryWay) {
  parse({});
  EXPECT_EQ(height_of_waves, 3);
  parse({"--wave-height", "5"});
  EXPECT_EQ(height_of_waves, 5);
  parse({}, {{"SIBP_WAVE_HEIGHT", "6"}});
  EXPECT_EQ(height_of_waves, 6);
  const testing_support::TemporaryFolder folder;
  parse({"--config", folder.write("options.ini", "wave-height = 7\n").string()});
  EXPECT_EQ(height_of_waves, 7);
}

TEST_F(MadeUpOption, IsRefusedByName) {
  EXPECT_THAT(error_of({"--wave-height", "901"}),
              AllOf(StartsWith("--wave-height: found '901'"), HasSubstr("1 to 900")));
  EXPECT_THAT(error_of({"--wave-heigth", "1"}), HasSubstr("did you mean --wave-height?"));
  EXPECT_THAT(error_of({"plan", "--wave-height", "1"}), HasSubstr("means nothing to the command plan, only to: train"));
}

TEST_F(MadeUpOption, IsExplainedCompletedAndWrittenDown) {
  EXPECT_THAT(help_text(), AllOf(HasSubstr("Waves (train)"), HasSubstr("--wave-height CENTIMETRES (=3)")));
  EXPECT_THAT(manual_text(), HasSubstr("height of the waves"));
  for (const Shell shell : {Shell::bash, Shell::zsh, Shell::fish})
    EXPECT_THAT(completion_text(shell), HasSubstr("wave-height"));
  EXPECT_THAT(to_ini(parse({"--wave-height", "12"})), HasSubstr("\n# Waves (train)\nwave-height = 12\n"));
}

}  // namespace
}  // namespace sibp
