// Data sets of NumPy's arrays: .npz files and folders of .npy files.
#include "sibp/data/dataset.hpp"

#include "data/npy_files.hpp"
#include "support/files.hpp"

#include <cmath>
#include <limits>
#include <numeric>

namespace sibp {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

using Files = std::map<std::string, std::string>;

constexpr Index train_rows = 20;
constexpr Index test_rows = 5;

/// Element i of row j of the arrays below.
float element(Index j, Index i) {
  return static_cast<float>(100 * j + i) / 8 - 50;
}

std::string floats(Index rows, std::string_view of_row, Index row_size) {
  std::vector<float> elements;
  for (Index j = 0; j < rows; ++j)
    for (Index i = 0; i < row_size; ++i) elements.push_back(element(j, i));
  return npy("<f4", fmt::format("{}, {}", rows, of_row), elements);
}

std::string bytes(Index rows, std::string_view of_row, Index row_size) {
  std::vector<std::uint8_t> elements(static_cast<std::size_t>(rows * row_size));
  std::iota(elements.begin(), elements.end(), std::uint8_t{0});
  return npy("|u1", fmt::format("{}, {}", rows, of_row), elements);
}

template <class T>
std::string labels(std::string_view descr, Index rows, Index classes, std::string_view more_sizes = "") {
  std::vector<T> elements;
  for (Index j = 0; j < rows; ++j) elements.push_back(static_cast<T>(j % classes));
  return npy(descr, fmt::format("{}{}", rows, more_sizes), elements);
}

/// Three features and four classes.
Files good_files() {
  return {{"x_train.npy", floats(train_rows, "3", 3)},
          {"y_train.npy", labels<std::int64_t>("<i8", train_rows, 4)},
          {"x_test.npy", floats(test_rows, "3", 3)},
          {"y_test.npy", labels<std::uint8_t>("|u1", test_rows, 4)}};
}

enum class Store { folder, stored, deflated };

class ArrayDataset : public testing::TestWithParam<Store> {
 protected:
  /// The files as the test's kind of data set has them.
  [[nodiscard]] DatasetOptions options_of(const Files& files) const {
    DatasetOptions options;
    if (GetParam() == Store::folder) {
      for (const auto& [name, content] : files) folder_.write(name, content);
      options.dataset = "npy";
      options.data_dir = folder_.path();
    } else {
      options.dataset = "npz";
      options.data_dir = folder_.path() / "own.npz";
      write_zip(options.data_dir, files, GetParam() == Store::deflated);
    }
    return options;
  }
  [[nodiscard]] Dataset open(const Files& files) const { return open_dataset(options_of(files)); }

  void expect_refused(const std::string& name, const std::string& content,
                      const std::vector<std::string>& parts) const {
    Files files = good_files();
    files[name] = content;
    std::vector<std::string> all_parts = parts;
    all_parts.push_back(name);
    expect_error(ExitStatus::data, all_parts, [&] {
      const Dataset dataset = open(files);
      std::vector<Index> all(static_cast<std::size_t>(dataset.training->size()));
      std::iota(all.begin(), all.end(), Index{0});
      (void)dataset.training->read(all);
    });
  }

  TemporaryFolder folder_;
};

std::string name_of_store(const testing::TestParamInfo<Store>& store) {
  return store.param == Store::folder ? "folder" : store.param == Store::stored ? "stored" : "deflated";
}

INSTANTIATE_TEST_SUITE_P(Stores, ArrayDataset, testing::Values(Store::folder, Store::stored, Store::deflated),
                         name_of_store);

TEST_P(ArrayDataset, HasTheRowsThatAreAskedFor) {
  const Dataset dataset = open(good_files());
  EXPECT_EQ(dataset.shape, (TensorShape{1, 1, 3}));
  EXPECT_EQ(dataset.type, FeatureType::float32);
  EXPECT_EQ(dataset.classes, 4);
  EXPECT_EQ(dataset.training->size(), train_rows);
  EXPECT_EQ(dataset.test->size(), test_rows);
  const std::vector<Index> some{0, 1, 7, 19};
  const Samples read = dataset.training->read(some);
  ASSERT_EQ(read.size(), 4);
  for (Index k = 0; k < 4; ++k) {
    const Index j = some[static_cast<std::size_t>(k)];
    EXPECT_EQ(read.labels[static_cast<std::size_t>(k)], j % 4);
    for (Index i = 0; i < 3; ++i) EXPECT_EQ(read.floats(k)[static_cast<std::size_t>(i)], element(j, i));
  }
  EXPECT_EQ(dataset.training->read({}).size(), 0);
  EXPECT_EQ(dataset.training->read({}).type, FeatureType::float32);
}

TEST_P(ArrayDataset, PicturesHaveChannelsOrNone) {
  Files files = good_files();
  files["x_train.npy"] = bytes(train_rows, "4, 3, 2", 24);
  files["x_test.npy"] = bytes(test_rows, "4, 3, 2", 24);
  files["y_train.npy"] = labels<std::int32_t>("<i4", train_rows, 4, ", 1");  // a column, as Keras has it
  const Dataset colours = open(files);
  EXPECT_EQ(colours.shape, (TensorShape{4, 3, 2}));
  EXPECT_EQ(colours.type, FeatureType::byte);
  const std::vector<Index> last{train_rows - 1};
  EXPECT_EQ(colours.training->read(last).pixels.back(), static_cast<std::uint8_t>(train_rows * 24 - 1));
  files["x_train.npy"] = bytes(train_rows, "4, 3", 12);
  files["x_test.npy"] = bytes(test_rows, "4, 3", 12);
  EXPECT_EQ(open(files).shape, (TensorShape{4, 3, 1}));
}

TEST_P(ArrayDataset, TakesLongStretchesBetweenRows) {
  constexpr Index features = 50000;  // 200 KB: a stored row is passed over by seeking
  Files files = good_files();
  files["x_train.npy"] = floats(train_rows, "50000", features);
  files["x_test.npy"] = floats(test_rows, "50000", features);
  const std::vector<Index> some{3, 11};
  const Samples read = open(files).training->read(some);
  EXPECT_EQ(read.floats(0)[0], element(3, 0));
  EXPECT_EQ(read.floats(1)[features - 1], element(11, features - 1));
}

TEST_P(ArrayDataset, TakesManyClasses) {
  Files files = good_files();
  files["y_train.npy"] = labels<std::uint16_t>("<u2", train_rows, 1000);
  std::vector<std::uint16_t> large(static_cast<std::size_t>(train_rows), 60000);
  files["y_train.npy"] = npy("<u2", fmt::format("{}", train_rows), large);
  const Dataset dataset = open(files);
  EXPECT_EQ(dataset.classes, 60001);
  const std::vector<Index> first{0};
  EXPECT_EQ(dataset.training->read(first).labels[0], 60000);
}

TEST_P(ArrayDataset, RefusesWrongElements) {
  const std::vector<double> doubles(train_rows * 3);
  expect_refused("x_train.npy", npy("<f8", "20, 3", doubles), {"float64", "uint8 or float32", "astype"});
  expect_refused("x_train.npy", npy(">f4", "20, 3", std::vector<float>(60)), {"big-endian", ">f4"});
  expect_refused("x_train.npy", npy("|O", "20, 3", doubles), {"Python objects"});
  expect_refused("x_train.npy", npy("<U7", "20, 3", doubles), {"texts"});
  expect_refused("x_train.npy", npy("|b1", "20, 3", std::vector<std::uint8_t>(60)), {"bool"});
  expect_refused("x_train.npy", npy_header("{'descr': [('a', '<f4')], 'fortran_order': False, 'shape': (20, 3), }"),
                 {"records"});
  expect_refused("y_train.npy", npy("<f4", "20", std::vector<float>(20)), {"float32", "whole numbers"});
  std::vector<float> values(60);
  values[7] = std::numeric_limits<float>::quiet_NaN();
  expect_refused("x_train.npy", npy("<f4", "20, 3", values), {"feature 1 of sample 2", "nan", "finite"});
}

TEST_P(ArrayDataset, RefusesWrongSizes) {
  expect_refused("x_train.npy", npy("<f4", "20", std::vector<float>(20)), {"one dimension"});
  expect_refused("x_train.npy", npy("<f4", "20, 1, 1, 1, 3", std::vector<float>(60)), {"5 dimensions"});
  expect_refused("x_train.npy", npy("<f4", "0, 3", std::vector<float>()), {"0 x 3", "at least 1"});
  expect_refused("x_train.npy", floats(19, "3", 3), {"19 rows", "has 20", "one label"});
  expect_refused("x_test.npy", floats(test_rows, "4", 4), {"1x1x3", "1x1x4", "one shape"});
  expect_refused("x_test.npy", bytes(test_rows, "3", 3), {"uint8", "float32"});
  expect_refused("y_train.npy", npy("<i8", "20, 4", std::vector<Index>(80)), {"20 x 4", "one whole number", "argmax"});
  expect_refused("x_train.npy",
                 npy_header("{'descr': '<f4', 'fortran_order': True, 'shape': (20, 3), }") + std::string(240, '\0'),
                 {"Fortran", "ascontiguousarray"});
}

TEST_P(ArrayDataset, RefusesWrongLabels) {
  expect_refused("y_test.npy", npy("<i8", "5", std::vector<Index>{0, 1, 4, 0, 0}), {"sample 2", "label 4", "0 to 3"});
  expect_refused("y_train.npy", npy("<i8", "20", std::vector<Index>(20, -1)), {"sample 0", "label -1"});
  expect_refused("y_train.npy", npy("<i8", "20", std::vector<Index>(20, Index{1} << 40)), {"sample 0", "999999"});
}

TEST_P(ArrayDataset, RefusesDamagedArrays) {
  const std::string good = good_files()["x_train.npy"];
  expect_refused("x_train.npy", good.substr(0, good.size() - 1), {"cut short"});
  expect_refused("x_train.npy", good.substr(0, 30), {"cut short"});
  expect_refused("x_train.npy", good + "x", {"garbage at its end"});
  expect_refused("x_train.npy", "PK\3\4 or something else", {"no array of NumPy"});
  expect_refused("x_train.npy", std::string("\x93NUMPY\x04\x00\x10\x00", 10) + std::string(16, ' '), {"version 4"});
  const std::string huge = std::string("\x93NUMPY\x02\x00\xff\xff\xff\x7f", 12);
  expect_refused("x_train.npy", huge + std::string(100, ' '), {"header is 2147483647 bytes"});
  for (const char* text :
       {"", "{", "{}", "{'descr': '<f4', 'fortran_order': False}", "{'descr': '<f4', 'shape': (20, 3)}",
        "{'descr': '<f4', 'fortran_order': 0, 'shape': (20, 3)}", "{'descr': '<f', 'shape': (3,)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (-20, 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (20 3)}",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (20, 3)} or more",
        "{'descr': '<f4', 'fortran_order': False, 'shape': (99999999999999999999, 3)}"})
    expect_refused("x_train.npy", npy_header(text), {"its header is none that NumPy writes"});
  expect_refused("x_train.npy",
                 npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (3037000500, 3037000500), }"),
                 {"more than any file can hold"});
  expect_refused("x_train.npy", npy_header("{'descr': '<f4', 'fortran_order': False, 'shape': (1000000, 1000000), }"),
                 {"cut short"});
}

TEST_P(ArrayDataset, NamesAnArrayThatIsMissing) {
  Files files = good_files();
  files.erase("y_test.npy");
  expect_error(ExitStatus::data, {"y_test.npy", folder_.path().string()}, [&] { (void)open(files); });
}

class ZipDataset : public testing::Test {
 protected:
  ZipDataset() {
    options_.dataset = "npz";
    options_.data_dir = folder_.path() / "own.npz";
  }
  void expect_refused(const std::vector<std::string>& parts) const {
    expect_error(ExitStatus::data, parts, [&] {
      const Dataset dataset = open_dataset(options_);
      std::vector<Index> all(static_cast<std::size_t>(train_rows));
      std::iota(all.begin(), all.end(), Index{0});
      (void)dataset.training->read(all);
    });
  }

  TemporaryFolder folder_;
  DatasetOptions options_;
};

TEST_F(ZipDataset, DamagedArchivesAreRefused) {
  expect_refused({"own.npz", "does not exist"});
  folder_.write("own.npz", "no archive at all");
  expect_refused({"own.npz", "ZIP"});
  write_zip(options_.data_dir, {{"weights.npy", "x"}, {"biases\x1b.npy", "y"}}, false);
  expect_refused({"has no x_train.npy", "weights.npy", "biases?.npy"});
  write_zip(options_.data_dir, good_files(), true);
  fs::resize_file(options_.data_dir, fs::file_size(options_.data_dir) - 100);
  expect_refused({"own.npz", "ZIP"});
  options_.data_dir = folder_.path();
  expect_refused({"is not a regular file"});
  options_.data_dir.clear();
  expect_error(ExitStatus::usage, {"npz", "`data_dir`", "x_train"}, [&] { open_dataset(options_); });
}

TEST_F(ZipDataset, AChangedByteIsFound) {
  for (const bool deflated : {false, true}) {
    write_zip(options_.data_dir, good_files(), deflated);
    std::string content;
    {
      std::ifstream file(options_.data_dir, std::ios::binary);
      content.assign(std::istreambuf_iterator<char>(file), {});
    }
    const std::size_t name = content.find("x_train.npy");
    ASSERT_NE(name, std::string::npos);
    content[name + (deflated ? 60 : 200)] ^= 1;
    folder_.write("own.npz", content);
    expect_refused({"x_train.npy", "damaged"});
  }
}

}  // namespace
}  // namespace sibp
