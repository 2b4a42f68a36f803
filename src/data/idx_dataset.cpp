// Any pairs of IDX files, named by options.
#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/idx.hpp"

#include <utility>
#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

Dataset open_named_pairs(const DatasetOptions& options) {
  const std::vector<std::pair<const char*, const std::filesystem::path*>> needed = {
      {"`train_images`", &options.train_images},
      {"`train_labels`", &options.train_labels},
      {"`test_images`", &options.test_images},
      {"`test_labels`", &options.test_labels}};
  for (const auto& [option, path] : needed) {
    if (path->empty()) throw_usage_error(fmt::format("`dataset` idx needs {} with the name of a file", option));
  }
  const std::filesystem::path& folder = options.data_dir;
  const IdxPaths train{folder / options.train_images, folder / options.train_labels};
  const IdxPaths test{folder / options.test_images, folder / options.test_labels};
  return open_idx_pairs(train, test, count_classes(IdxFile(train.labels, IdxFile::Content::labels)));
}

}  // namespace

extern const DatasetKind idx_dataset{
    .name = "idx", .help = "files named by options", .is_described = true, .open = open_named_pairs};

}  // namespace sibp
