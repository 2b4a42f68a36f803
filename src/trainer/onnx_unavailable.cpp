// In the place of model_to_onnx.cpp where ONNX's library is not installed.
#include "sibp/core/error.hpp"
#include "sibp/trainer/model_export.hpp"

namespace sibp {

std::string model_to_onnx(const Model&, std::string_view) {
  throw Error(ExitStatus::runtime,
              "this program was built without ONNX's library; install libonnx-dev and libprotobuf-dev and build it "
              "again with -DSIBP_ONNX=on, or export for PyTorch");
}

}  // namespace sibp
