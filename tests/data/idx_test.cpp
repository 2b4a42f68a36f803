// Damaged, exchanged, incomplete and absurd IDX files, plain and gzip: each is one clear error, never a crash.
#include "data/idx.hpp"

#include "sibp/data/dataset.hpp"

#include "data/idx_files.hpp"
#include "support/files.hpp"

#include <numeric>

namespace sibp {
namespace {

using namespace testing_support;

constexpr Index samples = 40;

/// Whether the files are written as they are or packed.
class Idx : public testing::TestWithParam<bool> {
 protected:
  [[nodiscard]] static std::string packed(const std::string& content) { return GetParam() ? gzip(content) : content; }

  /// A split from these two file contents.
  std::unique_ptr<SampleSource> open(const std::string& image_file, const std::string& label_file,
                                     Index classes = 10) const {
    return make_idx_source(IdxFile(folder.write("images", image_file), IdxFile::Content::images),
                           IdxFile(folder.write("labels", label_file), IdxFile::Content::labels), classes);
  }

  Samples read_all(const std::string& image_file, const std::string& label_file) const {
    std::vector<Index> all(samples);
    std::iota(all.begin(), all.end(), 0);
    return open(image_file, label_file)->read(all);
  }

  TemporaryFolder folder;
  std::string images = idx_images(samples);
  std::string labels = idx_labels(samples);
};

INSTANTIATE_TEST_SUITE_P(Files, Idx, testing::Values(false, true),
                         [](const auto& tested) { return tested.param ? "gzip" : "plain"; });

TEST_P(Idx, KeepsJustTheSamplesAskedFor) {
  const auto source = open(packed(images), packed(labels));
  EXPECT_EQ(source->size(), samples);
  EXPECT_EQ(source->features(), 6);
  for (const std::vector<Index>& indices :
       {std::vector<Index>{}, {0}, {39}, {3, 4, 5, 17, 38, 39}, {1, 3, 5, 7, 9, 11}}) {
    const Samples read = source->read(indices);
    ASSERT_EQ(read.size(), static_cast<Index>(indices.size()));
    ASSERT_EQ(read.pixels.size(), indices.size() * 6);
    for (Index k = 0; k < read.size(); ++k) {
      const Index j = indices[static_cast<std::size_t>(k)];
      EXPECT_EQ(read.labels[static_cast<std::size_t>(k)], j % 10);
      for (Index i = 0; i < 6; ++i) EXPECT_EQ(read.sample(k)[static_cast<std::size_t>(i)], pixel_of(j, i));
    }
  }
}

TEST_P(Idx, DimensionsAreTheShape) {
  const std::string content(std::size_t(samples) * 24, 'p');
  const auto shape_of = [&](std::initializer_list<std::uint32_t> sizes) {
    const auto source = open(packed(idx_header(sizes) + content), packed(labels));
    const std::vector<Index> some = {2, 7};
    EXPECT_EQ(source->read(some).shape, source->shape());
    return source->shape();
  };
  EXPECT_EQ(shape_of({samples, 4, 2, 3}), (TensorShape{4, 2, 3}));
  EXPECT_EQ(shape_of({samples, 4, 6}), (TensorShape{4, 6, 1}));
  EXPECT_EQ(shape_of({samples, 24}), (TensorShape{1, 1, 24}));
}

TEST_P(Idx, IndicesMustAscendWithinTheFile) {
  const auto source = open(packed(images), packed(labels));
  for (const std::vector<Index>& indices : {std::vector<Index>{-1}, {40}, {2, 1}, {2, 2}}) {
    expect_error(ExitStatus::runtime, {"sample ind"}, [&] { (void)source->read(indices); });
  }
}

TEST_P(Idx, AFileCutAnywhereIsFound) {
  const std::string whole = packed(images);
  for (std::size_t length = 0; length < whole.size(); ++length) {
    SCOPED_TRACE(length);
    // Cut at its very beginning, a gzip file can no longer be told from any other.
    const std::string message = GetParam() && length == 1 ? "images" : "is cut short";
    expect_error(ExitStatus::data, {"images", message, "fetch the file again"},
                 [&] { read_all(whole.substr(0, length), packed(labels)); });
  }
  const std::string whole_labels = packed(labels);
  for (std::size_t length = 0; length < whole_labels.size(); ++length) {
    expect_error(ExitStatus::data, {"labels"}, [&] { read_all(packed(images), whole_labels.substr(0, length)); });
  }
}

TEST_P(Idx, GarbageAtTheEndIsFound) {
  for (const std::string& garbage : {std::string(1, '\0'), std::string("x"), std::string(100000, '\x1f')}) {
    expect_error(ExitStatus::data, {"images"}, [&] { read_all(packed(images) + garbage, packed(labels)); });
    expect_error(ExitStatus::data, {"labels"}, [&] { read_all(packed(images), packed(labels) + garbage); });
    // Inside the gzip file
    expect_error(ExitStatus::data, {"images", "has garbage at its end"},
                 [&] { read_all(packed(images + garbage), packed(labels)); });
  }
}

TEST_P(Idx, AbsurdSizesAreRefusedWithoutAskingForMemory) {
  constexpr std::uint32_t most = 0xffffffff;
  for (const auto& header :
       {idx_header({most, most, most}), idx_header({most, most, most, most}), idx_header({0x80000000, 0x80000000, 2}),
        idx_header({most, 1, 1}), idx_header({1, most, 1}), idx_header({1, 0x10000, 0x10000})}) {
    expect_error(ExitStatus::data, {"images", "fetch the file again"},
                 [&] { open(packed(header + "content"), packed(labels)); });
  }
  for (const auto& header : {idx_header({0, 3, 2}), idx_header({5, 0, 2})}) {
    expect_error(ExitStatus::data, {"images", "holds nothing"}, [&] { open(packed(header), packed(labels)); });
  }
}

TEST_P(Idx, OtherKindsOfFilesAreNamed) {
  expect_error(ExitStatus::data, {"images", "00 00 08 01", "exchanged"}, [&] { open(packed(labels), packed(images)); });
  expect_error(ExitStatus::data, {"labels", "00 00 08 03", "exchanged"}, [&] { open(packed(images), packed(images)); });
  expect_error(ExitStatus::data, {"images", "3c 68 74 6d"}, [&] { open(packed("<html></html>"), packed(labels)); });
  std::string floats = images;
  floats[2] = '\x0d';
  expect_error(ExitStatus::data, {"images", "00 00 0d 03"}, [&] { open(packed(floats), packed(labels)); });
}

TEST_P(Idx, CountsMustFit) {
  expect_error(ExitStatus::data, {"40 images", "39 labels"}, [&] { open(packed(images), packed(idx_labels(39))); });
}

TEST_P(Idx, AWrongLabelIsNamedEvenIfNotAskedFor) {
  labels[8 + 27] = 10;
  const std::vector<Index> first = {0};
  expect_error(ExitStatus::data, {"labels", "sample 27", "label 10", "0 to 9"},
               [&] { (void)open(packed(images), packed(labels))->read(first); });
}

TEST_P(Idx, ClassesAreCountedInTheLabels) {
  const auto path = folder.write("labels", packed(idx_labels(samples, 7)));
  EXPECT_EQ(count_classes(IdxFile(path, IdxFile::Content::labels)), 7);
}

TEST(IdxGzip, EveryChangedByteIsFound) {
  const TemporaryFolder folder;
  const std::string whole = gzip(idx_images(samples));
  std::vector<Index> all(samples);
  std::iota(all.begin(), all.end(), 0);
  const std::vector<std::uint8_t> right = IdxFile(folder.write("images", whole), IdxFile::Content::images).read(all);
  for (std::size_t i = 0; i < whole.size(); ++i) {
    SCOPED_TRACE(i);
    if (i >= 4 && i < 10) continue;  // time, flags for people and operating system: no part of the content
    std::string changed = whole;
    changed[i] = static_cast<char>(changed[i] ^ 0x55);
    const auto path = folder.write("images", changed);
    expect_error(ExitStatus::data, {"images"}, [&] { (void)IdxFile(path, IdxFile::Content::images).read(all); });
  }
}

TEST(IdxGzip, MembersOneAfterTheOtherAreOneFile) {
  const TemporaryFolder folder;
  const std::string images = idx_images(samples);
  const auto path = folder.write("images", gzip(images.substr(0, 50)) + gzip("") + gzip(images.substr(50)));
  const IdxFile file(path, IdxFile::Content::images);
  const auto bytes = file.read_all();
  EXPECT_EQ(std::string(bytes.begin(), bytes.end()), images.substr(16));
}

TEST(IdxFiles, FoldersAndMissingFilesAreNamed) {
  const TemporaryFolder folder;
  expect_error(ExitStatus::data, {folder.path().string(), "not a regular file"},
               [&] { IdxFile(folder.path(), IdxFile::Content::images); });
  expect_error(ExitStatus::data, {"absent", "does not exist"},
               [&] { IdxFile(folder.path() / "absent", IdxFile::Content::images); });
}

TEST(IdxFiles, AFileThatShrinksAfterItWasOpenedIsFound) {
  const TemporaryFolder folder;
  const auto path = folder.write("images", idx_images(samples));
  const IdxFile file(path, IdxFile::Content::images);
  std::filesystem::resize_file(path, 100);
  expect_error(ExitStatus::data, {"images", "is cut short", "100 bytes"}, [&] { (void)file.read_all(); });
}

}  // namespace
}  // namespace sibp
