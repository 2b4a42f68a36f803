// Whole data sets: how their files are found, what they hold, and the synthetic one.
#include "sibp/data/dataset.hpp"

#include "data/idx_files.hpp"
#include "support/files.hpp"

#include <cmath>
#include <cstdlib>
#include <numeric>

namespace sibp {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

std::vector<Index> up_to(Index n) {
  std::vector<Index> indices(static_cast<std::size_t>(n));
  std::iota(indices.begin(), indices.end(), 0);
  return indices;
}

DatasetOptions options_of(const std::string& dataset, const fs::path& data_dir = {}) {
  DatasetOptions options;
  options.dataset = dataset;
  options.data_dir = data_dir;
  return options;
}

std::vector<Index> label_counts(const Samples& samples, Index classes) {
  std::vector<Index> counts(static_cast<std::size_t>(classes));
  for (const std::int32_t label : samples.labels) ++counts[static_cast<std::size_t>(label)];
  return counts;
}

TEST(Dataset, UsualFileNamesAreFound) {
  for (const char* separator : {"-", "."}) {
    for (const bool packed : {false, true}) {
      const TemporaryFolder folder;
      const auto write = [&](const std::string& stem, const std::string& ending, const std::string& content) {
        folder.write(stem + separator + ending + (packed ? ".gz" : ""), packed ? gzip(content) : content);
      };
      write("train-images", "idx3-ubyte", idx_images(30));
      write("train-labels", "idx1-ubyte", idx_labels(30));
      write("t10k-images", "idx3-ubyte", idx_images(12));
      write("t10k-labels", "idx1-ubyte", idx_labels(12));
      const Dataset dataset = open_dataset(options_of("mnist", folder.path()));
      EXPECT_EQ(dataset.name, "mnist");
      EXPECT_EQ(dataset.features(), 6);
      EXPECT_EQ(dataset.classes, 10);
      EXPECT_EQ(dataset.training->size(), 30);
      EXPECT_EQ(dataset.test->read(up_to(12)).labels.back(), 1);
    }
  }
}

TEST(Dataset, MissingFilesAndFoldersAreNamed) {
  const TemporaryFolder folder;
  expect_error(ExitStatus::data,
               {folder.path().string(), "train-images-idx3-ubyte", "launch/fetch_data.sh mnist DIR", "`data_dir`"},
               [&] { open_dataset(options_of("mnist", folder.path())); });
  expect_error(ExitStatus::data, {"/absent", "dataset-fashion-mnist", "`data_dir`"},
               [&] { open_dataset(options_of("fashion-mnist", folder.path() / "absent")); });
  expect_error(ExitStatus::data, {"holds no data_batch_1.bin", "launch/fetch_data.sh cifar10 DIR"},
               [&] { open_dataset(options_of("cifar10", folder.path())); });
  expect_error(ExitStatus::usage, {"mnist", "`data_dir`"}, [&] { open_dataset(options_of("mnist")); });
  expect_error(ExitStatus::usage, {"cifar10", "`data_dir`", "data_batch_1.bin"},
               [&] { open_dataset(options_of("cifar10")); });
  expect_error(ExitStatus::usage, {"`dataset`", "'imagenet'"}, [&] { open_dataset(options_of("imagenet")); });
  expect_error(ExitStatus::usage, {"`train_images`"}, [&] { open_dataset(options_of("idx", folder.path())); });
}

class IdxDataset : public testing::Test {
 protected:
  IdxDataset() : options(options_of("idx", folder.path())) {
    options.train_images = "a";
    options.train_labels = "b";
    options.test_images = folder.write("c", idx_images(8));  // an absolute path
    options.test_labels = "d";
    folder.write("a", idx_images(20));
    folder.write("b", idx_labels(20, 4));
    folder.write("d", idx_labels(8, 4));
  }

  TemporaryFolder folder;
  DatasetOptions options;
};

TEST_F(IdxDataset, ClassesComeFromTheTrainingLabels) {
  const Dataset dataset = open_dataset(options);
  EXPECT_EQ(dataset.classes, 4);
  EXPECT_EQ(dataset.test->read(up_to(8)).size(), 8);
  folder.write("d", idx_labels(8, 5));
  expect_error(ExitStatus::data, {"/d", "sample 4", "label 4", "0 to 3"},
               [&] { (void)open_dataset(options).test->read(up_to(1)); });
}

TEST_F(IdxDataset, SplitsMustHaveTheSameShape) {
  folder.write("c", idx_header({8, 2, 2}) + std::string(32, 'x'));
  expect_error(ExitStatus::data, {"/a", "6 features", "/c", "4 features"}, [&] { open_dataset(options); });
}

TEST(Cifar100, HasTheFinerOfTwoLabels) {
  const TemporaryFolder folder;
  constexpr std::uintmax_t record = 3074;
  fs::resize_file(folder.write("train.bin", std::string("\x07\x63\xc8", 3)), 50000 * record);
  fs::resize_file(folder.write("test.bin", ""), 10000 * record);
  const Dataset dataset = open_dataset(options_of("cifar100", folder.path()));
  EXPECT_EQ(dataset.classes, 100);
  EXPECT_EQ(dataset.shape, (TensorShape{32, 32, 3}));
  EXPECT_EQ(dataset.training->size(), 50000);
  EXPECT_EQ(dataset.test->size(), 10000);
  const std::vector<Index> some{0, 49999};
  const Samples read = dataset.training->read(some);
  EXPECT_EQ(read.labels, (std::vector<std::int32_t>{99, 0}));
  EXPECT_EQ(read.pixels.front(), 200);
  folder.write("test.bin", "");
  expect_error(ExitStatus::data, {"test.bin", "cut short", "30740000"},
               [&] { open_dataset(options_of("cifar100", folder.path())); });
}

class Cifar10 : public testing::Test {
 protected:
  static constexpr std::uintmax_t file_bytes = 30'730'000;

  Cifar10() {
    for (int i = 1; i <= 5; ++i) make("data_batch_" + std::to_string(i) + ".bin");
    make("test_batch.bin");
  }

  /// A file of the right size, all zero; it takes no room on the disk.
  void make(const std::string& name, std::uintmax_t size = file_bytes) const {
    fs::resize_file(folder.write(name, ""), size);
  }
  void set(const std::string& name, Index offset, int value) const {
    std::fstream file(folder.path() / name, std::ios::binary | std::ios::in | std::ios::out);
    file.seekp(offset).put(static_cast<char>(value));
  }
  [[nodiscard]] Dataset open() const { return open_dataset(options_of("cifar10", folder.path())); }

  TemporaryFolder folder;
};

TEST_F(Cifar10, RecordsAreALabelAndItsPixels) {
  set("data_batch_3.bin", 7 * 3073, 9);
  set("data_batch_3.bin", 7 * 3073 + 1, 200);
  set("data_batch_3.bin", 7 * 3073 + 3072, 100);
  const Dataset dataset = open();
  EXPECT_EQ(dataset.features(), 3072);
  EXPECT_EQ(dataset.classes, 10);
  EXPECT_EQ(dataset.training->size(), 50000);
  EXPECT_EQ(dataset.test->size(), 10000);
  const std::vector<Index> indices = {0, 9999, 10000, 20006, 20007, 49999};
  const Samples read = dataset.training->read(indices);
  EXPECT_EQ(read.labels, (std::vector<std::int32_t>{0, 0, 0, 0, 9, 0}));
  EXPECT_EQ(read.sample(4).front(), 200);
  EXPECT_EQ(read.sample(4).back(), 100);
  EXPECT_EQ(std::accumulate(read.pixels.begin(), read.pixels.end(), 0), 300);
}

TEST_F(Cifar10, ChannelsRunFastest) {
  set("test_batch.bin", 1 + 2 * 1024 + 31 * 32 + 5, 77);  // blue at row 31, column 5
  set("test_batch.bin", 1 + 1024 + 1, 66);                // green at row 0, column 1
  const Dataset dataset = open();
  EXPECT_EQ(dataset.shape, (TensorShape{32, 32, 3}));
  const std::vector<Index> first = {0};
  const Samples read = dataset.test->read(first);
  EXPECT_EQ(read.shape, dataset.shape);
  EXPECT_EQ(read.pixels[(31 * 32 + 5) * 3 + 2], 77);
  EXPECT_EQ(read.pixels[1 * 3 + 1], 66);
  EXPECT_EQ(std::accumulate(read.pixels.begin(), read.pixels.end(), 0), 77 + 66);
}

TEST_F(Cifar10, WrongSizesAndLabelsAreFound) {
  for (const std::uintmax_t size : {std::uintmax_t(0), file_bytes - 3073, file_bytes - 1, file_bytes + 1}) {
    make("data_batch_5.bin", size);
    expect_error(ExitStatus::data, {"data_batch_5.bin", "expected 30730000"}, [&] { (void)open(); });
  }
  make("data_batch_5.bin");
  set("data_batch_5.bin", 3 * 3073, 255);
  const std::vector<Index> wrong = {40003};
  expect_error(ExitStatus::data, {"data_batch_5.bin", "sample 3", "label 255"},
               [&] { (void)open().training->read(wrong); });
}

TEST(Synthetic, ASampleDependsOnSeedSplitAndIndexOnly) {
  DatasetOptions options = options_of("synthetic");
  const Samples all = open_dataset(options).training->read(up_to(100));
  const std::vector<Index> some = {3, 40, 99};
  const Samples read = open_dataset(options).training->read(some);
  for (std::size_t k = 0; k < some.size(); ++k) {
    EXPECT_EQ(read.labels[k], all.labels[static_cast<std::size_t>(some[k])]);
    EXPECT_TRUE(std::ranges::equal(read.sample(static_cast<Index>(k)), all.sample(some[k])));
  }
  options.synthetic_samples = 500;
  EXPECT_EQ(open_dataset(options).training->read(up_to(100)).pixels, all.pixels);
  EXPECT_NE(open_dataset(options).test->read(up_to(100)).pixels, all.pixels);
  options.seed = 2;
  EXPECT_NE(open_dataset(options).training->read(up_to(100)).pixels, all.pixels);
}

/// The share of test samples nearest to the mean of their own class in training.
double nearest_mean_accuracy(const Dataset& dataset) {
  const Samples train = dataset.training->read(up_to(dataset.training->size()));
  const Samples test = dataset.test->read(up_to(dataset.test->size()));
  const auto counts = label_counts(train, dataset.classes);
  std::vector<std::vector<double>> means(static_cast<std::size_t>(dataset.classes),
                                         std::vector<double>(static_cast<std::size_t>(dataset.features())));
  for (Index j = 0; j < train.size(); ++j) {
    const auto label = static_cast<std::size_t>(train.labels[static_cast<std::size_t>(j)]);
    for (std::size_t i = 0; i < means[label].size(); ++i) {
      means[label][i] += train.sample(j)[i] / static_cast<double>(counts[label]);
    }
  }
  Index right = 0;
  for (Index j = 0; j < test.size(); ++j) {
    std::vector<double> distances;
    for (const auto& mean : means) {
      double distance = 0;
      for (std::size_t i = 0; i < mean.size(); ++i) distance += std::pow(test.sample(j)[i] - mean[i], 2);
      distances.push_back(distance);
    }
    const auto nearest = std::min_element(distances.begin(), distances.end()) - distances.begin();
    right += nearest == test.labels[static_cast<std::size_t>(j)] ? 1 : 0;
  }
  return static_cast<double>(right) / static_cast<double>(test.size());
}

TEST(Synthetic, ClassesCanBeToldApartButNotWithoutEffort) {
  for (const Index features : {16, 64, 300}) {
    DatasetOptions options = options_of("synthetic");
    options.synthetic_samples = 5000;
    options.synthetic_features = features;
    const Dataset dataset = open_dataset(options);
    EXPECT_EQ(dataset.training->size(), 5000);
    EXPECT_EQ(dataset.test->size(), 1000);
    for (const Index count : label_counts(dataset.training->read(up_to(5000)), 10)) EXPECT_NEAR(count, 500, 100);
    const double accuracy = nearest_mean_accuracy(dataset);
    EXPECT_GT(accuracy, 0.9) << features;
    EXPECT_LT(accuracy, 1.0) << features;
  }
}

TEST(Synthetic, AShapeIsThatOfItsFeatures) {
  DatasetOptions options = options_of("synthetic");
  options.synthetic_features = 4 * 3 * 2;
  const Dataset flat = open_dataset(options);
  options.synthetic_shape = TensorShape{4, 3, 2};
  options.synthetic_features = 1;  // nobody asks
  const Dataset pictures = open_dataset(options);
  EXPECT_EQ(flat.shape, (TensorShape{1, 1, 24}));
  EXPECT_EQ(pictures.shape, (TensorShape{4, 3, 2}));
  EXPECT_EQ(pictures.training->read(up_to(9)).shape, pictures.shape);
  EXPECT_EQ(pictures.training->read(up_to(9)).pixels, flat.training->read(up_to(9)).pixels);
}

TEST(Synthetic, SizesAreChecked) {
  DatasetOptions options = options_of("synthetic");
  options.synthetic_samples = 0;
  expect_error(ExitStatus::usage, {"`synthetic_samples` is 0"}, [&] { open_dataset(options); });
  options = options_of("synthetic");
  options.synthetic_features = 0;
  expect_error(ExitStatus::usage, {"`synthetic_features` is 0"}, [&] { open_dataset(options); });
  options = options_of("synthetic");
  options.synthetic_classes = 1;
  expect_error(ExitStatus::usage, {"`synthetic_classes` is 1"}, [&] { open_dataset(options); });
  options = options_of("synthetic");
  options.synthetic_shape = TensorShape{1000, 1000, 3};
  expect_error(ExitStatus::usage, {"`synthetic_shape` is 3000000", "1 to 1000000"}, [&] { open_dataset(options); });
}

TEST(RealData, FashionMnistHasTenEqualClasses) {
  if (!fs::exists("/usr/share/datasets/fashion-mnist")) GTEST_SKIP() << "the package dataset-fashion-mnist is not here";
  const Dataset dataset = open_dataset(DatasetOptions{});
  EXPECT_EQ(dataset.features(), 784);
  const Samples train = dataset.training->read(up_to(60000));
  EXPECT_EQ(label_counts(train, 10), std::vector<Index>(10, 6000));
  EXPECT_EQ(label_counts(dataset.test->read(up_to(10000)), 10), std::vector<Index>(10, 1000));
  // The mean that everybody who uses the data set states
  const auto sum = std::accumulate(train.pixels.begin(), train.pixels.end(), std::uint64_t(0));
  EXPECT_NEAR(static_cast<double>(sum) / 255 / 60000 / 784, 0.2860, 5e-5);
}

/// Neighbours in a picture are alike: in the right order the next pixel of the same channel, in a wrong one not.
TEST(RealData, Cifar10HasPicturesInTheRightOrder) {
  const char* folder = std::getenv("TEST_DATA_DIR");
  if (folder == nullptr || !fs::exists(fs::path(folder) / "cifar10"))
    GTEST_SKIP() << "TEST_DATA_DIR does not name a folder with cifar10/ in it";
  const Samples read = open_dataset(options_of("cifar10", fs::path(folder) / "cifar10")).test->read(up_to(100));
  double across = 0;
  double down = 0;
  double between_channels = 0;
  for (Index j = 0; j < 100; ++j) {
    const auto sample = read.sample(j);
    for (std::size_t i = 0; i + 96 < sample.size(); ++i) {
      across += std::abs(sample[i] - sample[i + 3]);
      down += std::abs(sample[i] - sample[i + 96]);
      between_channels += std::abs(sample[i] - sample[i + 1]);
    }
  }
  const double pixels = 100 * (3072 - 96);
  EXPECT_LT(across / pixels, 20);
  EXPECT_LT(down / pixels, 20);
  EXPECT_LT(between_channels / pixels, 40);
}

TEST(RealData, MnistHasItsTestLabels) {
  const char* folder = std::getenv("TEST_DATA_DIR");
  if (folder == nullptr) GTEST_SKIP() << "TEST_DATA_DIR does not name a folder with mnist/ in it";
  const Dataset dataset = open_dataset(options_of("mnist", fs::path(folder) / "mnist"));
  EXPECT_EQ(dataset.features(), 784);
  EXPECT_EQ(dataset.training->read(up_to(60000)).size(), 60000);
  EXPECT_EQ(label_counts(dataset.test->read(up_to(10000)), 10),
            (std::vector<Index>{980, 1135, 1032, 1010, 982, 892, 958, 1028, 974, 1009}));
}

}  // namespace
}  // namespace sibp
