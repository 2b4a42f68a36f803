// NumPy's archives of arrays, as numpy.savez and numpy.savez_compressed write them.
#include "sibp/data/dataset_kinds.hpp"

#include "data/array_dataset.hpp"
#include "data/npy.hpp"
#include "data/zip_entry.hpp"

namespace sibp {
namespace {

Dataset open_npz(const DatasetOptions& options) {
  return open_array_dataset([&](const std::string& name) {
    const std::filesystem::path archive = options.data_dir;
    const std::string entry = name + ".npy";
    return std::make_unique<NpyArray>((archive / entry).string(),
                                      [archive, entry] { return open_zip_entry(archive, entry); });
  });
}

}  // namespace

extern const DatasetKind npz_dataset{.name = "npz",
                                     .help = "a file of NumPy's arrays",
                                     .needs =
                                         "the file, with the arrays x_train, y_train, x_test and y_test "
                                         "(numpy.savez)",
                                     .open = open_npz};

}  // namespace sibp
