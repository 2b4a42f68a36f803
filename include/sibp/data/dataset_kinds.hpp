#pragma once

#include "sibp/data/dataset.hpp"

#include <span>
#include <string>
#include <string_view>

namespace sibp {

/// What is known of a data set without its files.
struct KnownSizes {
  TensorShape shape;
  Index classes = 0;
  Index training = 0;  ///< samples; 0: nothing is known
  Index test = 0;
};

/// A kind of data set, by the name that --dataset takes. Each is a constant in the source that reads it; a line of
/// dataset_kinds.cpp lists it. Options, help and errors follow from it.
struct DatasetKind {
  std::string_view name;
  std::string_view help{};   ///< what it is, where the name does not say so
  std::string_view needs{};  ///< what data_dir must name; empty: it can do without
  bool is_fetched = false;   ///< launch/fetch_data.sh gets its files
  KnownSizes known{};
  bool is_described = false;  ///< by options of its own: its name alone does not say which data they are
  /// Opens and checks both splits; open_dataset adds name, shape and type.
  Dataset (*open)(const DatasetOptions&) = nullptr;
};

/// Every kind, in the order of the help.
std::span<const DatasetKind* const> dataset_kinds();

/// The kind of that name, or null.
const DatasetKind* find_dataset_kind(std::string_view name);

/// "a, b (what b is) or c".
std::string dataset_kinds_in_words();

}  // namespace sibp
