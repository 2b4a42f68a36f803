// MNIST and Fashion-MNIST: four IDX files under their usual names.
#include "sibp/data/dataset_kinds.hpp"

#include "data/dataset_files.hpp"
#include "data/idx.hpp"

#include <string>
#include <string_view>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

/// Where Debian's package dataset-fashion-mnist puts its files.
constexpr std::string_view fashion_mnist_dir = "/usr/share/datasets/fashion-mnist";

constexpr KnownSizes known_sizes{.shape = {28, 28, 1}, .classes = 10, .training = 60000, .test = 10000};  // of both

/// `stem` with the usual endings: plain before gzip, a hyphen or a dot before "idx".
std::filesystem::path find_idx_file(const DatasetOptions& options, const std::filesystem::path& folder,
                                    std::string_view stem, std::string_view ending) {
  std::vector<std::string> names;
  for (const char* suffix : {"", ".gz"})
    for (const char* separator : {"-", "."}) names.push_back(fmt::format("{}{}{}{}", stem, separator, ending, suffix));
  return find_data_file(options, folder, names);
}

IdxPaths usual_paths(const DatasetOptions& options, const std::filesystem::path& folder, std::string_view split) {
  // Braces keep the order: of two missing files every rank names the same one.
  return {find_idx_file(options, folder, fmt::format("{}-images", split), "idx3-ubyte"),
          find_idx_file(options, folder, fmt::format("{}-labels", split), "idx1-ubyte")};
}

Dataset open_digits(const DatasetOptions& options) {
  const bool is_packaged = options.data_dir.empty();  // only Fashion-MNIST can do without a folder
  const std::filesystem::path folder = is_packaged ? std::filesystem::path(fashion_mnist_dir) : options.data_dir;
  check_data_folder(options, folder);
  const IdxPaths train = usual_paths(options, folder, "train");
  const IdxPaths test = usual_paths(options, folder, "t10k");
  return open_idx_pairs(train, test, known_sizes.classes);
}

}  // namespace

extern const DatasetKind fashion_mnist_dataset{
    .name = "fashion-mnist", .is_fetched = true, .known = known_sizes, .open = open_digits};
extern const DatasetKind mnist_dataset{
    .name = "mnist",
    .needs = "the folder that holds train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-… (plain or .gz)",
    .is_fetched = true,
    .known = known_sizes,
    .open = open_digits};

}  // namespace sibp
