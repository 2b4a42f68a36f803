// Data sets in HDF5 files, which the tests write by the library itself.
#include "sibp/data/dataset.hpp"

#include "support/files.hpp"

#include <numeric>

#include <hdf5.h>

namespace sibp {
namespace {

using namespace testing_support;
namespace fs = std::filesystem;

constexpr Index rows = 50;
constexpr Index features = 7;

struct Layout {
  std::string name;
  Index chunk_rows;      ///< 0: not chunked
  Index chunk_features;  ///< of those
  bool deflated;
};

class Hdf5Dataset : public testing::TestWithParam<Layout> {
 protected:
  Hdf5Dataset() {
    options_.dataset = "hdf5";
    options_.data_dir = folder_.path() / "own.h5";
  }

  /// Writes `elements`, of the memory's type, as the file's type; null leaves the dataset without any.
  void add(hid_t file, const char* name, hid_t file_type, hid_t type, std::vector<hsize_t> sizes,
           const void* elements) const {
    const hid_t space = H5Screate_simple(static_cast<int>(sizes.size()), sizes.data(), nullptr);
    const hid_t creation = H5Pcreate(H5P_DATASET_CREATE);
    if (GetParam().chunk_rows > 0) {
      std::vector<hsize_t> chunk(sizes.size(), static_cast<hsize_t>(GetParam().chunk_features));
      chunk[0] = static_cast<hsize_t>(GetParam().chunk_rows);
      for (std::size_t k = 0; k < chunk.size(); ++k) chunk[k] = std::min(chunk[k], sizes[k]);
      H5Pset_chunk(creation, static_cast<int>(chunk.size()), chunk.data());
      if (GetParam().deflated) H5Pset_deflate(creation, 6);
    }
    const hid_t dataset = H5Dcreate2(file, name, file_type, space, H5P_DEFAULT, creation, H5P_DEFAULT);
    if (elements != nullptr) {
      ASSERT_GE(H5Dwrite(dataset, type, H5S_ALL, H5S_ALL, H5P_DEFAULT, elements), 0);
    }
    H5Dclose(dataset);
    H5Pclose(creation);
    H5Sclose(space);
  }

  /// Element i of sample j is 10 j + i, its label j mod 300.
  void write(hid_t type_of_samples = H5T_IEEE_F32BE, bool with_elements = true) const {
    std::vector<float> x(static_cast<std::size_t>(rows * features));
    for (std::size_t k = 0; k < x.size(); ++k) x[k] = static_cast<float>(10 * (k / features) + k % features);
    std::vector<int> y(static_cast<std::size_t>(rows));
    for (std::size_t j = 0; j < y.size(); ++j) y[j] = static_cast<int>(j * 7 % 300);
    const hid_t file = H5Fcreate(options_.data_dir.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
    for (const char* name : {"x_train", "x_test"})
      add(file, name, type_of_samples, H5T_NATIVE_FLOAT, {rows, features}, with_elements ? x.data() : nullptr);
    add(file, "y_train", H5T_STD_I16BE, H5T_NATIVE_INT, {rows}, y.data());
    add(file, "y_test", H5T_STD_U64LE, H5T_NATIVE_INT, {rows, 1}, y.data());
    H5Fclose(file);
  }

  TemporaryFolder folder_;
  DatasetOptions options_;
};

INSTANTIATE_TEST_SUITE_P(Layouts, Hdf5Dataset,
                         testing::Values(Layout{"contiguous", 0, 0, false}, Layout{"chunked", 8, 3, false},
                                         Layout{"deflated", 8, 7, true}, Layout{"rowByRow", 1, 7, true},
                                         Layout{"inOneChunk", 50, 7, true}),
                         [](const auto& layout) { return layout.param.name; });

TEST_P(Hdf5Dataset, HasTheRowsThatAreAskedFor) {
  write();
  const Dataset dataset = open_dataset(options_);
  EXPECT_EQ(dataset.shape, (TensorShape{1, 1, features}));
  EXPECT_EQ(dataset.type, FeatureType::float32);
  EXPECT_EQ(dataset.classes, 295);
  std::vector<Index> all(rows);
  std::iota(all.begin(), all.end(), Index{0});
  for (const auto& some :
       {std::vector<Index>{}, {0}, {49}, {0, 3, 6, 9, 12}, {1, 2, 3, 8, 20, 21, 22, 40, 42, 49}, all}) {
    const Samples read = dataset.training->read(some);
    ASSERT_EQ(read.size(), std::ssize(some));
    for (Index k = 0; k < read.size(); ++k) {
      const Index j = some[static_cast<std::size_t>(k)];
      EXPECT_EQ(read.labels[static_cast<std::size_t>(k)], j * 7 % 300);
      for (Index i = 0; i < features; ++i)
        EXPECT_EQ(read.floats(k)[static_cast<std::size_t>(i)], static_cast<float>(10 * j + i));
    }
  }
}

TEST_P(Hdf5Dataset, BadFilesAreRefused) {
  expect_error(ExitStatus::data, {"own.h5", "does not exist"}, [&] { open_dataset(options_); });
  folder_.write("own.h5", "no such file");
  expect_error(ExitStatus::data, {"own.h5", "HDF5"}, [&] { open_dataset(options_); });
  write(H5T_IEEE_F64LE);
  expect_error(ExitStatus::data, {"own.h5/x_train", "float64", "uint8 or float32"}, [&] { open_dataset(options_); });
  write(H5T_IEEE_F32LE, false);
  expect_error(ExitStatus::data, {"own.h5/x_train", "50 x 7", "never written"}, [&] { open_dataset(options_); });
  write();
  fs::resize_file(options_.data_dir, fs::file_size(options_.data_dir) - 200);
  expect_error(ExitStatus::data, {"own.h5", "HDF5"}, [&] { open_dataset(options_); });
  const hid_t file = H5Fcreate(options_.data_dir.c_str(), H5F_ACC_TRUNC, H5P_DEFAULT, H5P_DEFAULT);
  H5Fclose(file);
  expect_error(ExitStatus::data, {"own.h5/x_train", "cannot be opened"}, [&] { open_dataset(options_); });
}

}  // namespace
}  // namespace sibp
