#include "sibp/data/batch_list.hpp"

#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"

#include <algorithm>
#include <cstdint>
#include <string>
#include <system_error>

#include <fmt/format.h>

namespace sibp {
namespace {

std::string read(const std::filesystem::path& file) {
  try {
    return read_file(file);
  } catch (const std::system_error& error) {
    throw_data_error(fmt::format("`batch_list`: {}", error.what()));
  }
}

/// The little-endian int32 at `bytes`.
Index int32_at(const char* bytes) {
  std::uint32_t value = 0;
  for (int k = 3; k >= 0; --k) value = value << 8U | static_cast<unsigned char>(bytes[k]);
  return static_cast<std::int32_t>(value);
}

}  // namespace

BatchList::BatchList(const std::filesystem::path& file, Index global_batch, const Sharding& sharding,
                     std::span<const Index> training, Index file_samples)
    : global_batch_(global_batch) {
  check_sharding(sharding);
  require(global_batch >= 1, "a batch has no sample");
  const std::string content = read(file);
  const auto row_bytes = static_cast<std::size_t>(global_batch) * sizeof(std::int32_t);
  if (content.empty() || content.size() % row_bytes != 0) {
    throw_data_error(fmt::format("{}: found {} bytes, expected rows of {} bytes: `batch` {} indices of 4 bytes each",
                                 file.string(), content.size(), row_bytes, global_batch));
  }
  const std::vector<Index> local = sharding.local_samples();
  batches_.resize(content.size() / row_bytes);
  for (std::size_t position = 0; position < content.size() / sizeof(std::int32_t); ++position) {
    const std::size_t row = position / static_cast<std::size_t>(global_batch);
    const Index index = int32_at(content.data() + position * sizeof(std::int32_t));
    const auto found = std::ranges::lower_bound(training, index);
    if (index < 0 || index >= file_samples || found == training.end() || *found != index) {
      const bool exists = index >= 0 && index < file_samples;
      throw_data_error(fmt::format(
          "{}: row {} (from 0) has index {}, {}", file.string(), row, index,
          exists ? "a sample that `validation` holds out" : fmt::format("expected 0 to {}", file_samples - 1)));
    }
    const Index sample = found - training.begin();
    if (!sharding.is_local(sample % sharding.logical_shards)) continue;
    Part& part = batches_[row];
    part.places.push_back(std::ranges::lower_bound(local, sample) - local.begin());
    part.positions.push_back(static_cast<Index>(position) % global_batch);
    part.numbers.push_back(sample);
  }
}

Index BatchList::global_size(Index batch) const {
  require(batch >= 0 && batch < batches_per_epoch(), "batch is beyond the list");
  return global_batch_;
}

Index BatchList::largest_local_size() const {
  std::size_t largest = 0;
  for (const Part& part : batches_) largest = std::max(largest, part.places.size());
  return static_cast<Index>(largest);
}

const BatchList::Part& BatchList::part(Index epoch, Index batch) const {
  require(epoch == 0, "a list of batches is one epoch");
  return batches_.at(static_cast<std::size_t>(batch));
}

std::span<const Index> BatchList::local_batch(Index epoch, Index batch) {
  return part(epoch, batch).places;
}

std::span<const Index> BatchList::local_positions(Index epoch, Index batch) {
  return part(epoch, batch).positions;
}

std::span<const Index> BatchList::local_numbers(Index epoch, Index batch) {
  return part(epoch, batch).numbers;
}

}  // namespace sibp
