// The readers of data files: IDX, gzip, NumPy's arrays and archives, CIFAR-10 and lists of batches.
#include "sibp/data/batch_list.hpp"
#include "sibp/data/dataset.hpp"

#include "data/byte_reader.hpp"
#include "data/cifar.hpp"
#include "data/gzip_stream.hpp"
#include "data/idx.hpp"
#include "data/npy.hpp"
#include "fuzz/input.hpp"
#include "support/gzip.hpp"

#include <algorithm>
#include <array>
#include <cmath>
#include <memory>
#include <numeric>

namespace sibp::fuzz {
namespace {

constexpr ExitStatus data = ExitStatus::data;

using Content = std::vector<std::uint8_t>;

/// The samples of an IDX file; some of them are read once more by their indices.
std::optional<Content> read_idx(const InputFile& input, IdxFile::Content kind) {
  return unless_refused(data, [&] {
    const IdxFile file(input.path(), kind);
    const Content all = file.read_all();
    check(std::ssize(all) == file.samples() * file.shape().size(), "an IDX file has the bytes that its header says");
    if (kind == IdxFile::Content::labels) check(count_classes(file) > 0, "labels have a class");
    const std::array<Index, 2> ends{0, file.samples() - 1};
    const Content picked = file.read(std::span(ends).last(ends[1] > 0 ? 2 : 1));
    check(std::equal(picked.end() - file.shape().size(), picked.end(), all.end() - file.shape().size()),
          "a sample read by itself is that of the whole");
    return all;
  });
}

constexpr std::size_t largest_packed = 4096;  // unpacks to 4 MB at most

/// What a gzip file unpacks to, read by so many bytes.
std::optional<Content> unpack(const InputFile& input, std::size_t piece) {
  return unless_refused(data, [&] {
    const auto path = input.path();
    GzipStream stream(path, std::ifstream(path, std::ios::binary));
    Content unpacked;
    Content part(piece);
    while (const std::size_t count = stream.read_some(part)) {
      check(count <= piece, "no more is read than there is room for");
      unpacked.insert(unpacked.end(), part.begin(), part.begin() + static_cast<std::ptrdiff_t>(count));
    }
    return unpacked;
  });
}

std::vector<Index> up_to(Index end) {
  std::vector<Index> indices(static_cast<std::size_t>(end));
  std::iota(indices.begin(), indices.end(), Index{0});
  return indices;
}

/// All rows of an array; the last one is read once more by itself.
std::optional<Content> read_npy(const NpyArray::Open& open) {
  return unless_refused(data, [&] {
    const NpyArray array("input", open);
    const Content all = array.read(up_to(array.rows()));
    check(std::ssize(all) == array.rows() * array.row_bytes(), "an array has the bytes that its header says");
    const std::array<Index, 1> last{array.rows() - 1};
    check(std::ranges::equal(array.read(last), std::span(all).last(static_cast<std::size_t>(array.row_bytes()))),
          "a row read by itself is that of the whole");
    return all;
  });
}

/// Every sample of a split has its features and a class.
void check_split(const SampleSource& split, Index classes) {
  const auto samples = unless_refused(data, [&] { return split.read(up_to(split.size())); });
  if (!samples) return;
  check(samples->size() == split.size(), "every sample has a label");
  check(std::ssize(samples->pixels) == split.size() * samples->sample_bytes(), "and its features");
  for (const auto label : samples->labels) check(label >= 0 && label < classes, "labels are classes");
  if (samples->type == FeatureType::byte) return;
  for (Index j = 0; j < samples->size(); ++j)
    for (const float value : samples->floats(j)) check(std::isfinite(value), "features are finite");
}

}  // namespace

void npy(Bytes input) {
  const InputFile file(input);
  const auto mapped = read_npy([&] { return ByteReader::map(file.path()); });
  if (std::ranges::equal(input.first(std::min<std::size_t>(input.size(), 2)), gzip_magic)) return;
  check(mapped == read_npy([&] { return ByteReader::open(file.path()); }), "a file is the same mapped and read");
}

void npz(Bytes input) {
  const InputFile file(input);
  DatasetOptions options;
  options.dataset = "npz";
  options.data_dir = file.path();
  const auto dataset = unless_refused(data, [&] { return open_dataset(options); });
  if (!dataset) return;
  check_split(*dataset->training, dataset->classes);
  check_split(*dataset->test, dataset->classes);
}

void idx(Bytes input) {
  if (input.empty()) return;
  const auto kind = input[0] % 2 == 0 ? IdxFile::Content::images : IdxFile::Content::labels;
  const Bytes content = input.subspan(1);
  const auto plain = read_idx(InputFile(content), kind);
  if (std::ranges::equal(content.first(std::min<std::size_t>(content.size(), 2)), gzip_magic)) return;
  const auto packed = read_idx(InputFile(bytes_of(testing_support::gzip(text_of(content)))), kind);
  check(plain == packed, "a file and the same file packed are alike");
}

void gzip(Bytes input) {
  if (input.empty() || input.size() > largest_packed) return;
  Content content(gzip_magic.begin(), gzip_magic.end());
  content.insert(content.end(), input.begin() + 1, input.end());
  const InputFile file(content);
  check(unpack(file, input[0] + std::size_t(1)) == unpack(file, std::size_t(1) << 16U),
        "a file is the same in pieces of any size");
}

void cifar10(Bytes input) {
  constexpr std::size_t file_size = 10000 * (1 + cifar_shape.size());
  if (input.empty() || input.size() > file_size) return;
  const Bytes content = input.subspan(1);
  const bool at_end = input[0] % 2 == 1;
  const std::size_t size = input[0] / 2 % 4 == 3 ? content.size() : file_size + input[0] / 2 % 4 - 1;
  const InputFile file(content, at_end ? std::max(size, content.size()) - content.size() : 0, size);
  const std::array<Index, 4> indices{0, 1, 5000, 9999};
  const auto samples =
      unless_refused(data, [&] { return make_cifar_source(cifar10_format, {file.path()}, 10000)->read(indices); });
  if (!samples) return;
  check(samples->labels.size() == indices.size(), "every sample has a label");
  check(samples->pixels.size() == indices.size() * static_cast<std::size_t>(cifar_shape.size()), "and its pixels");
  for (const auto label : samples->labels) check(label >= 0 && label < cifar10_format.classes, "labels are classes");
}

void batch_list(Bytes input) {
  if (input.size() < 4) return;
  const Index batch = 1 + input[0] % 8;
  const Index samples = 1 + input[2];
  std::vector<Index> training(static_cast<std::size_t>(samples));
  std::iota(training.begin(), training.end(), 0);
  std::erase_if(training, [&](Index j) { return input[3] != 0 && j % input[3] == 0; });
  const InputFile file(input.subspan(4));
  Index whole = -1;
  for (int ranks = 1; ranks <= 3; ++ranks) {
    Index dealt = 0;
    Index rows = 0;
    for (int rank = 0; rank < ranks; ++rank) {
      const Sharding sharding{std::ssize(training), 3 + input[1] % 16, rank, ranks};
      const auto list = unless_refused(
          data, [&] { return std::make_unique<BatchList>(file.path(), batch, sharding, training, samples); });
      rows = list ? (*list)->batches_per_epoch() : 0;
      for (Index row = 0; row < rows; ++row) {
        const auto local = (*list)->local_batch(0, row);
        for (const Index j : local)
          check(j >= 0 && j < std::ssize(sharding.local_samples()), "a rank is given samples that it has");
        dealt += std::ssize(local);
      }
    }
    check(dealt == rows * batch, "the ranks together have the whole batch");
    check(whole < 0 || dealt == whole, "on any number of ranks");
    whole = dealt;
  }
}

}  // namespace sibp::fuzz
