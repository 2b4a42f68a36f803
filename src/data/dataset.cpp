#include "sibp/data/dataset.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/dataset_files.hpp"

#include <fmt/format.h>

namespace sibp {

Dataset open_dataset(const DatasetOptions& options) {
  const DatasetKind* kind = find_dataset_kind(options.dataset);
  if (kind == nullptr)
    throw_usage_error(fmt::format("`dataset` is '{}', expected {}", options.dataset, dataset_kinds_in_words()));
  if (options.data_dir.empty() && !kind->needs.empty()) {
    throw_usage_error(fmt::format("`dataset` {} needs `data_dir` with {}{}", kind->name, kind->needs,
                                  kind->is_fetched ? "; " + advice_on_files(options) : ""));
  }
  Dataset dataset = kind->open(options);
  dataset.name = kind->name;
  dataset.shape = dataset.training->shape();
  dataset.type = dataset.training->type();
  return dataset;
}

}  // namespace sibp
