#include "data/npy.hpp"

#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/array_dataset.hpp"
#include "data/dataset_files.hpp"

#include <utility>

namespace sibp {

NpyArray::NpyArray(const std::string& place, const Open& open) : NpyArray(place, open, open()) {
}

NpyArray::NpyArray(const std::string& place, Open open, const std::unique_ptr<ByteReader>& reader)
    : NpyArray(place, std::move(open), *reader, read_npy_header(*reader, place)) {
}

NpyArray::NpyArray(const std::string& place, Open open, ByteReader& reader, const NpyHeader& header)
    : StoredArray(place, header.format, header.sizes), open_(std::move(open)), header_bytes_(header.bytes) {
  reader.expect_size(header_bytes_ + rows() * row_bytes());
}

std::vector<std::uint8_t> NpyArray::read(std::span<const Index> rows) const {
  const auto reader = open_();
  reader->expect_size(header_bytes_ + this->rows() * row_bytes());
  std::vector<std::uint8_t> bytes;
  bytes.reserve(rows.size() * static_cast<std::size_t>(row_bytes()));
  reader->append_rows(header_bytes_, row_bytes(), rows, bytes);
  reader->finish();
  return bytes;
}

namespace {

Dataset open_npy_folder(const DatasetOptions& options) {
  check_data_folder(options, options.data_dir);
  return open_array_dataset([&](const std::string& name) {
    const std::string file = name + ".npy";
    const std::filesystem::path path = find_data_file(options, options.data_dir, {&file, 1});
    return std::make_unique<NpyArray>(path.string(), [path] { return ByteReader::map(path); });
  });
}

}  // namespace

extern const DatasetKind npy_dataset{.name = "npy",
                                     .help = "a folder of NumPy's arrays",
                                     .needs =
                                         "the folder that holds x_train.npy, y_train.npy, x_test.npy and "
                                         "y_test.npy",
                                     .open = open_npy_folder};

}  // namespace sibp
