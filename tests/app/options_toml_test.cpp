// --config in TOML, by toml++.
#include "sibp/core/file.hpp"

#include "app/parse.hpp"
#include "support/files.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using test::error_of;
using test::parse;
using testing::AllOf;
using testing::HasSubstr;
using testing::StartsWith;

class TomlOptions : public testing::Test {
 protected:
  void SetUp() override {
    write("");
    if (error_of({"--config", path()}).find("built without toml++") != std::string::npos)
      GTEST_SKIP() << "built without toml++";
  }

  void write(const std::string& text) { write_file_whole(path(), text); }
  [[nodiscard]] std::string path() const { return folder_.path() / "options.toml"; }
  std::string error_in(const std::string& text) {
    write(text);
    return error_of({"--config", path()});
  }

 private:
  testing_support::TemporaryFolder folder_;
};

TEST_F(TomlOptions, ValuesOfEveryKind) {
  write(R"(# a run
dataset = "synthetic"
hidden = [300, 200]
augment = ["flip", 'translate:2']
batch = 1_000
lr = 5e-2
method = 'sgd'
nesterov = true
reproducible = false
)");
  const Options options = parse({"--config", path()});
  EXPECT_EQ(options.data.dataset, "synthetic");
  EXPECT_EQ(options.hidden, "300,200");
  EXPECT_EQ(to_text(options.training.augmentation), "flip,translate:2");
  EXPECT_EQ(options.training.batch, 1000);
  EXPECT_EQ(options.training.eta, 0.05);
  EXPECT_EQ(options.training.method.nesterov, true);
  EXPECT_FALSE(options.reproducible);
  EXPECT_EQ(parse({"--config", path(), "--batch", "7"}).training.batch, 7);
}

TEST_F(TomlOptions, IsTheSameAsIni) {
  write("seed = 3\nhidden = '20'\n");
  testing_support::TemporaryFolder folder;
  const std::string ini = folder.path() / "options.ini";
  write_file_whole(ini, "seed = 3\nhidden = 20\n");
  EXPECT_EQ(to_ini(parse({"--config", path()})), to_ini(parse({"--config", ini})));
}

TEST_F(TomlOptions, ErrorsNameFileAndPlace) {
  const std::string file = "config file " + path() + ": ";
  EXPECT_THAT(error_in("batch = 5\nbatch = 6\n"), AllOf(StartsWith(file), HasSubstr("line 2")));
  EXPECT_THAT(error_in("hidden = \"5"), AllOf(StartsWith(file), HasSubstr("line 1")));
  EXPECT_THAT(error_in("[data]\nseed = 1\n"), AllOf(StartsWith(file + "data: "), HasSubstr("table")));
  EXPECT_THAT(error_in("data.seed = 1\n"), AllOf(StartsWith(file + "data: "), HasSubstr("table")));
  EXPECT_THAT(error_in("seed = 2022-03-07\n"), AllOf(StartsWith(file + "seed: "), HasSubstr("date")));
  EXPECT_THAT(error_in("hidden = [[1], 2]\n"), AllOf(StartsWith(file + "hidden: "), HasSubstr("list")));
  EXPECT_THAT(error_in("hiden = 5\n"), AllOf(StartsWith(file + "hiden: "), HasSubstr("did you mean hidden?")));
  EXPECT_THAT(error_in("out = 'x'\nconfig = 'y'\n"), HasSubstr("cannot be given in a file"));
  EXPECT_THAT(error_in("batch = -5\n"), AllOf(StartsWith(file + "batch: "), HasSubstr("'-5'")));
}

}  // namespace
}  // namespace sibp
