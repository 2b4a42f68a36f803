// The kinds of data sets by their names. A new kind is declared and listed here.
#include "sibp/data/dataset_kinds.hpp"

#include "sibp/core/words.hpp"

#include <algorithm>
#include <array>
#include <vector>

#include <fmt/format.h>

namespace sibp {

extern const DatasetKind fashion_mnist_dataset;
extern const DatasetKind mnist_dataset;
extern const DatasetKind cifar10_dataset;
extern const DatasetKind cifar100_dataset;
extern const DatasetKind hdf5_dataset;
extern const DatasetKind idx_dataset;
extern const DatasetKind memory_dataset;
extern const DatasetKind npy_dataset;
extern const DatasetKind npz_dataset;
extern const DatasetKind synthetic_dataset;

std::span<const DatasetKind* const> dataset_kinds() {
  static constexpr std::array kinds{
      &fashion_mnist_dataset, &mnist_dataset, &cifar10_dataset, &cifar100_dataset,  &npz_dataset,
      &npy_dataset,           &hdf5_dataset,  &idx_dataset,     &synthetic_dataset, &memory_dataset,
  };
  return kinds;
}

const DatasetKind* find_dataset_kind(std::string_view name) {
  const auto found = std::ranges::find(dataset_kinds(), name, &DatasetKind::name);
  return found == dataset_kinds().end() ? nullptr : *found;
}

std::string dataset_kinds_in_words() {
  std::vector<std::string> texts;
  for (const DatasetKind* kind : dataset_kinds())
    texts.push_back(kind->help.empty() ? std::string(kind->name) : fmt::format("{} ({})", kind->name, kind->help));
  const std::vector<std::string_view> words(texts.begin(), texts.end());
  return in_words(words, "or");
}

}  // namespace sibp
