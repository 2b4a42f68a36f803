#include "data/dataset_files.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"
#include "sibp/device/shape_text.hpp"

#include <string_view>
#include <system_error>

#include <fmt/format.h>

namespace sibp {

std::string advice_on_files(const DatasetOptions& options) {
  const DatasetKind* kind = find_dataset_kind(options.dataset);
  if (kind == nullptr || !kind->is_fetched) return "name the right place with `data_dir`";
  return fmt::format("fetch the files with launch/fetch_data.sh {} DIR, {}and name their folder with `data_dir`",
                     kind->name, kind->needs.empty() ? "or install dataset-fashion-mnist, " : "");
}

void check_data_folder(const DatasetOptions& options, const std::filesystem::path& folder) {
  std::error_code unreadable;
  if (std::filesystem::is_directory(folder, unreadable)) return;
  throw_data_error(fmt::format("the folder {} of the data set {} is missing or not a folder; {}", folder.string(),
                               options.dataset, advice_on_files(options)));
}

std::filesystem::path find_data_file(const DatasetOptions& options, const std::filesystem::path& folder,
                                     std::span<const std::string> names) {
  for (const std::string& name : names) {
    std::error_code unreadable;
    if (std::filesystem::exists(folder / name, unreadable)) return folder / name;
  }
  throw_data_error(fmt::format("{} holds no {}{}; {}", folder.string(), names.front(),
                               names.size() > 1 ? fmt::format(" (nor {})", names.back()) : "",
                               advice_on_files(options)));
}

void check_splits_alike(const Dataset& dataset, const std::filesystem::path& train, const std::filesystem::path& test) {
  const SampleSource& training = *dataset.training;
  if (training.shape() == dataset.test->shape() && training.type() == dataset.test->type()) return;
  const auto text_of = [](const SampleSource& split) {
    return fmt::format("{} features of {}, {} (height x width x channels)", split.features(), name_of(split.type()),
                       to_text(split.shape()));
  };
  throw_data_error(
      fmt::format("{} has samples of {}, but {} has samples of {}, expected one shape; choose files that belong "
                  "together",
                  train.string(), text_of(training), test.string(), text_of(*dataset.test)));
}

}  // namespace sibp
