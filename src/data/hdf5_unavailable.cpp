// Stands in for HDF5 files where the library was not found.
#include "sibp/core/error.hpp"
#include "sibp/data/dataset_kinds.hpp"

namespace sibp {
namespace {

Dataset refuse_hdf5(const DatasetOptions& /*options*/) {
  throw_usage_error(
      "`dataset` hdf5: this program was built without HDF5; install libhdf5-dev and build again with -DSIBP_HDF5=on, "
      "or "
      "convert the file to npz");
}

}  // namespace

extern const DatasetKind hdf5_dataset{
    .name = "hdf5", .help = "a file of HDF5, which this build lacks", .open = refuse_hdf5};

}  // namespace sibp
