#include "sibp/data/dataset.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/memory.hpp"
#include "sibp/device/shape_text.hpp"

#include "data/cifar10.hpp"
#include "data/idx.hpp"
#include "data/synthetic.hpp"

#include <algorithm>
#include <string_view>
#include <system_error>
#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

/// Where Debian's package dataset-fashion-mnist puts its files.
constexpr std::string_view fashion_mnist_dir = "/usr/share/datasets/fashion-mnist";

constexpr Index digits = 10;  // classes of MNIST and Fashion-MNIST

struct IdxPaths {
  fs::path images;
  fs::path labels;
};

void check_folder(const DatasetOptions& options, const fs::path& folder) {
  std::error_code unreadable;
  if (fs::is_directory(folder, unreadable)) return;
  throw_data_error(fmt::format(
      "the folder {} of the data set {} is missing or not a folder; {}name the folder with --data-dir", folder.string(),
      options.dataset, options.dataset == "fashion-mnist" ? "install dataset-fashion-mnist or " : ""));
}

/// `stem` with the usual endings: plain before gzip, a hyphen or a dot before "idx".
fs::path find_idx(const fs::path& folder, std::string_view stem, std::string_view ending) {
  for (const char* suffix : {"", ".gz"}) {
    for (const char* separator : {"-", "."}) {
      fs::path path = folder / fmt::format("{}{}{}{}", stem, separator, ending, suffix);
      std::error_code unreadable;
      if (fs::exists(path, unreadable)) return path;
    }
  }
  throw_data_error(
      fmt::format("{} holds no {}-{} (plain or .gz); put the file there or name its folder with --data-dir",
                  folder.string(), stem, ending));
}

IdxPaths usual_paths(const fs::path& folder, std::string_view split) {
  // Braces keep the order: of two missing files every rank names the same one.
  return {find_idx(folder, fmt::format("{}-images", split), "idx3-ubyte"),
          find_idx(folder, fmt::format("{}-labels", split), "idx1-ubyte")};
}

std::unique_ptr<SampleSource> open_idx_split(const IdxPaths& paths, Index classes) {
  IdxFile images(paths.images, IdxFile::Content::images);
  IdxFile labels(paths.labels, IdxFile::Content::labels);
  return make_idx_source(std::move(images), std::move(labels), classes);
}

void check_shapes(const IdxPaths& train, const IdxPaths& test, const Dataset& dataset) {
  if (dataset.training->shape() == dataset.test->shape()) return;
  const auto text_of = [](const SampleSource& split) {
    return fmt::format("{} bytes, {} (height x width x channels)", split.features(), to_text(split.shape()));
  };
  throw_data_error(
      fmt::format("{} has images of {}, but {} has images of {}, expected one shape; choose files that belong together",
                  train.images.string(), text_of(*dataset.training), test.images.string(), text_of(*dataset.test)));
}

Dataset open_idx_pairs(const IdxPaths& train, const IdxPaths& test, Index classes) {
  Dataset dataset;
  dataset.classes = classes;
  dataset.training = open_idx_split(train, classes);
  dataset.test = open_idx_split(test, classes);
  check_shapes(train, test, dataset);
  return dataset;
}

Dataset open_mnist(const DatasetOptions& options, const fs::path& folder) {
  check_folder(options, folder);
  const IdxPaths train = usual_paths(folder, "train");
  const IdxPaths test = usual_paths(folder, "t10k");
  return open_idx_pairs(train, test, digits);
}

Dataset open_idx(const DatasetOptions& options) {
  const std::vector<std::pair<const char*, const fs::path*>> needed = {{"--train-images", &options.train_images},
                                                                       {"--train-labels", &options.train_labels},
                                                                       {"--test-images", &options.test_images},
                                                                       {"--test-labels", &options.test_labels}};
  for (const auto& [option, path] : needed) {
    if (path->empty()) throw_usage_error(fmt::format("--dataset idx needs {} with the name of a file", option));
  }
  const fs::path& folder = options.data_dir;
  const IdxPaths train{folder / options.train_images, folder / options.train_labels};
  const IdxPaths test{folder / options.test_images, folder / options.test_labels};
  return open_idx_pairs(train, test, count_classes(IdxFile(train.labels, IdxFile::Content::labels)));
}

Dataset open_cifar10(const DatasetOptions& options) {
  check_folder(options, options.data_dir);
  std::vector<fs::path> batches;
  for (int i = 1; i <= 5; ++i) batches.push_back(options.data_dir / fmt::format("data_batch_{}.bin", i));
  Dataset dataset;
  dataset.classes = cifar10_classes;
  dataset.training = make_cifar10_source(std::move(batches));
  dataset.test = make_cifar10_source({options.data_dir / "test_batch.bin"});
  return dataset;
}

Dataset open_synthetic(const DatasetOptions& options) {
  const auto check = [](std::string_view option, Index value, Index least, Index most) {
    if (value >= least && value <= most) return;
    throw_usage_error(fmt::format("{} is {}, expected {} to {}", option, value, least, most));
  };
  check("--synthetic-samples", options.synthetic_samples, 1, 1'000'000'000);
  const TensorShape shape = options.synthetic_shape.value_or(TensorShape{1, 1, options.synthetic_features});
  check(options.synthetic_shape ? "the size of --synthetic-shape" : "--synthetic-features", shape.size(), 1, 1'000'000);
  check("--synthetic-classes", options.synthetic_classes, 2, 10'000);
  const auto make = [&](Index samples, SyntheticSplit split) {
    return make_synthetic_source(samples, shape, options.synthetic_classes, options.seed, split);
  };
  Dataset dataset;
  dataset.classes = options.synthetic_classes;
  dataset.training = make(options.synthetic_samples, SyntheticSplit::training);
  dataset.test = make(std::max<Index>(options.synthetic_samples / 5, 1), SyntheticSplit::test);
  return dataset;
}

void require_data_dir(const DatasetOptions& options, std::string_view files) {
  if (!options.data_dir.empty()) return;
  throw_usage_error(fmt::format("--dataset {0} needs --data-dir: fetch {0} and name the folder that holds {1}",
                                options.dataset, files));
}

Dataset open_by_name(const DatasetOptions& options) {
  if (options.dataset == "fashion-mnist") {
    return open_mnist(options, options.data_dir.empty() ? fs::path(fashion_mnist_dir) : options.data_dir);
  }
  if (options.dataset == "mnist") {
    require_data_dir(options, "train-images-idx3-ubyte, train-labels-idx1-ubyte, t10k-… (plain or .gz)");
    return open_mnist(options, options.data_dir);
  }
  if (options.dataset == "cifar10") {
    require_data_dir(options, "data_batch_1.bin … data_batch_5.bin and test_batch.bin (the binary version)");
    return open_cifar10(options);
  }
  if (options.dataset == "idx") return open_idx(options);
  if (options.dataset == "synthetic") return open_synthetic(options);
  if (options.dataset == memory_dataset)
    throw_usage_error("--dataset: found memory, whose samples only a program that uses the library has; name another");
  throw_usage_error(
      fmt::format("--dataset is '{}', expected fashion-mnist, mnist, cifar10, idx or synthetic", options.dataset));
}

}  // namespace

Dataset open_dataset(const DatasetOptions& options) {
  Dataset dataset = open_by_name(options);
  dataset.name = options.dataset;
  dataset.shape = dataset.training->shape();
  return dataset;
}

}  // namespace sibp
