#pragma once

#include "sibp/data/dataset.hpp"

#include "data/stored_array.hpp"

#include <functional>
#include <memory>
#include <string>

namespace sibp {

/// Opens the array of that name; throws Error (data) if there is none.
using OpenArray = std::function<std::unique_ptr<StoredArray>(const std::string& name)>;

/// A data set of four arrays, by Keras's names: x_train and x_test (samples × features, × height × width, or these ×
/// channels; uint8 or float32), y_train and y_test (one whole number from 0 on for each sample). There is one class
/// more than the largest training label. Reads all labels. Local. Throws Error (data) naming the array and what was
/// expected.
Dataset open_array_dataset(const OpenArray& open);

}  // namespace sibp
