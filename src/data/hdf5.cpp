// HDF5 files: the same four arrays as datasets at the root. Each rank opens the file for reading by itself and selects
// its rows as hyperslabs, so nothing is collective, and a library with or without MPI does.
#include "sibp/core/error.hpp"
#include "sibp/core/heartbeat.hpp"
#include "sibp/core/printable.hpp"
#include "sibp/data/dataset_kinds.hpp"

#include "data/array_dataset.hpp"
#include "data/byte_reader.hpp"

#include <algorithm>
#include <array>
#include <utility>

#include <fmt/format.h>
#include <hdf5.h>

namespace sibp {
namespace {

/// Closes an object of the library at the end.
class Hdf5Object {
 public:
  using Close = herr_t (*)(hid_t);
  Hdf5Object(hid_t id, Close close) : id_(id), close_(close) {}
  Hdf5Object(const Hdf5Object&) = delete;
  Hdf5Object& operator=(const Hdf5Object&) = delete;
  ~Hdf5Object() {
    if (is_open()) close_(id_);
  }
  [[nodiscard]] hid_t id() const { return id_; }
  [[nodiscard]] bool is_open() const { return id_ >= 0; }

 private:
  hid_t id_;
  Close close_;
};

/// Keeps the library from printing its errors: ours name the file and what to do.
class QuietHdf5 {
 public:
  QuietHdf5() {
    H5Eget_auto2(H5E_DEFAULT, &print_, &data_);
    H5Eset_auto2(H5E_DEFAULT, nullptr, nullptr);
  }
  QuietHdf5(const QuietHdf5&) = delete;
  QuietHdf5& operator=(const QuietHdf5&) = delete;
  ~QuietHdf5() { H5Eset_auto2(H5E_DEFAULT, print_, data_); }

 private:
  H5E_auto2_t print_ = nullptr;
  void* data_ = nullptr;
};

/// What the library says of its last error, where that began.
std::string reason_of_hdf5() {
  std::string reason = "unknown error";
  const auto take_first = [](unsigned number, const H5E_error2_t* error, void* to) {
    if (number == 0 && error->desc != nullptr) *static_cast<std::string*>(to) = printable(error->desc);
    return herr_t{0};
  };
  H5Ewalk2(H5E_DEFAULT, H5E_WALK_UPWARD, take_first, &reason);
  return reason;
}

/// A dataset while it is open.
struct OpenHdf5 {
  OpenHdf5(const std::filesystem::path& path, const std::string& name, const std::string& place)
      : file(H5Fopen(path.c_str(), H5F_ACC_RDONLY, H5P_DEFAULT), H5Fclose),
        dataset(file.is_open() ? H5Dopen2(file.id(), name.c_str(), H5P_DEFAULT) : H5I_INVALID_HID, H5Dclose),
        space(dataset.is_open() ? H5Dget_space(dataset.id()) : H5I_INVALID_HID, H5Sclose),
        type(dataset.is_open() ? H5Dget_type(dataset.id()) : H5I_INVALID_HID, H5Tclose) {
    if (!file.is_open()) {
      throw_data_error(
          fmt::format("cannot read {} as an HDF5 file: {}; write it again, or name another with `data_dir`",
                      path.string(), reason_of_hdf5()));
    }
    if (!space.is_open() || !type.is_open())
      throw_data_error(
          fmt::format("{} cannot be opened: {}; expected a dataset of that name", place, reason_of_hdf5()));
  }

  [[nodiscard]] ElementFormat format() const {
    const auto bytes = static_cast<Index>(H5Tget_size(type.id()));
    switch (H5Tget_class(type.id())) {
      case H5T_INTEGER:
        return {H5Tget_sign(type.id()) == H5T_SGN_NONE ? 'u' : 'i', bytes};
      case H5T_FLOAT:
        return {'f', bytes};
      case H5T_ENUM:
        return {'b', bytes};  // as h5py writes truth values
      default:
        return {'U', std::max<Index>(bytes, 1)};
    }
  }

  [[nodiscard]] std::vector<Index> sizes() const {
    std::vector<hsize_t> found(static_cast<std::size_t>(std::max(H5Sget_simple_extent_ndims(space.id()), 0)));
    if (!found.empty()) H5Sget_simple_extent_dims(space.id(), found.data(), nullptr);
    return {found.begin(), found.end()};
  }

  /// Rows that lie in the file together: of a chunk, or as many as make up a megabyte.
  [[nodiscard]] Index rows_of_block(Index row_bytes) const {
    const Hdf5Object creation(H5Dget_create_plist(dataset.id()), H5Pclose);
    std::array<hsize_t, H5S_MAX_RANK> chunk{};
    if (H5Pget_layout(creation.id()) == H5D_CHUNKED && H5Pget_chunk(creation.id(), H5S_MAX_RANK, chunk.data()) > 0)
      return static_cast<Index>(chunk[0]);
    return std::max<Index>((Index{1} << 20) / row_bytes, 1);
  }

  QuietHdf5 quiet;
  Hdf5Object file;
  Hdf5Object dataset;
  Hdf5Object space;
  Hdf5Object type;
};

class Hdf5Array final : public StoredArray {
 public:
  Hdf5Array(const std::filesystem::path& path, const std::string& name)
      : Hdf5Array(path, name, OpenHdf5(path, name, (path / name).string())) {}

  [[nodiscard]] std::vector<std::uint8_t> read(std::span<const Index> rows) const override {
    const OpenHdf5 open(path_, name_, place());
    std::vector<std::uint8_t> bytes(rows.size() * static_cast<std::size_t>(row_bytes()));
    const Index block = open.rows_of_block(row_bytes());
    for (auto first = rows.begin(); first != rows.end();) {
      const auto last = std::lower_bound(first, rows.end(), (*first / block + 1) * block);
      read_block(open, {first, last}, bytes.data() + (first - rows.begin()) * row_bytes());
      first = last;
      note_progress();
    }
    return bytes;
  }

 private:
  Hdf5Array(std::filesystem::path path, std::string name, const OpenHdf5& open)
      : StoredArray((path / name).string(), open.format(), open.sizes()),
        path_(std::move(path)),
        name_(std::move(name)) {
    const auto stored = static_cast<Index>(H5Dget_storage_size(open.dataset.id()));
    if (rows() * row_bytes() / largest_deflate_ratio <= stored) return;
    throw_data_error(
        fmt::format("{} is damaged or was never written: {} of elements of {} are {} bytes in the file; "
                    "write it again",
                    place(), sizes_text(sizes()), to_text(format()), stored));
  }

  /// All rows of a block in one call: each chunk is unpacked once, and rows that were not asked for are left out.
  void read_block(const OpenHdf5& open, std::span<const Index> rows, std::uint8_t* to) const {
    std::vector<hsize_t> start(sizes().size(), 0);
    std::vector<hsize_t> count(sizes().begin(), sizes().end());
    std::vector<hsize_t> stride(sizes().size(), 1);
    H5Sselect_none(open.space.id());
    herr_t status = 0;
    for (auto first = rows.begin(); first != rows.end() && status >= 0;) {
      // Rows at equal distances are one hyperslab.
      const Index step = std::next(first) == rows.end() ? 1 : *std::next(first) - *first;
      auto last = std::next(first);
      while (last != rows.end() && *last - *std::prev(last) == step) ++last;
      start[0] = static_cast<hsize_t>(*first);
      stride[0] = static_cast<hsize_t>(step);
      count[0] = static_cast<hsize_t>(last - first);
      status = H5Sselect_hyperslab(open.space.id(), H5S_SELECT_OR, start.data(), stride.data(), count.data(), nullptr);
      first = last;
    }
    count[0] = rows.size();
    const Hdf5Object memory(H5Screate_simple(static_cast<int>(count.size()), count.data(), nullptr), H5Sclose);
    const Hdf5Object native(H5Tget_native_type(open.type.id(), H5T_DIR_ASCEND), H5Tclose);
    if (status >= 0) status = H5Dread(open.dataset.id(), native.id(), memory.id(), open.space.id(), H5P_DEFAULT, to);
    if (status >= 0) return;
    throw_data_error(fmt::format("{} is damaged: rows {} to {} cannot be read ({}); write it again", place(),
                                 rows.front(), rows.back(), reason_of_hdf5()));
  }

  std::filesystem::path path_;
  std::string name_;
};

Dataset open_hdf5(const DatasetOptions& options) {
  regular_file_size(options.data_dir);
  return open_array_dataset(
      [&](const std::string& name) { return std::make_unique<Hdf5Array>(options.data_dir, name); });
}

}  // namespace

extern const DatasetKind hdf5_dataset{.name = "hdf5",
                                      .help = "a file of HDF5",
                                      .needs = "the file, with the datasets x_train, y_train, x_test and y_test",
                                      .open = open_hdf5};

}  // namespace sibp
