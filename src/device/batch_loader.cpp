#include "sibp/device/batch_loader.hpp"

#include "sibp/core/error.hpp"

namespace sibp {

void BatchLoader::load_batch(const SampleStore& samples, std::span<const Index> columns, ConstMatrixView shift,
                             ConstMatrixView scale, MatrixView inputs, LabelView labels,
                             std::span<const PictureChange> changes) {
  const auto count = static_cast<Index>(columns.size());
  require(inputs.rows == samples.features() && inputs.cols == count && labels.size == count,
          "load_batch: the batch does not fit the samples");
  require(shift.rows == inputs.rows && scale.rows == inputs.rows && shift.cols == 1 && scale.cols == 1,
          "load_batch: the normalisation does not fit the samples");
  require(changes.empty() || changes.size() == columns.size(), "load_batch: the changes do not fit the batch");
  for (const Index column : columns) require(column >= 0 && column < samples.size(), "load_batch: no such sample");
  if (count > 0) do_load_batch(samples, columns, shift, scale, inputs, labels.data, changes);
}

}  // namespace sibp
