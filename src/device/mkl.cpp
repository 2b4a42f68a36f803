// What BLAS does not standardise, as Intel's MKL has it.
#include "device/level3.hpp"

#include <mkl_service.h>

namespace sibp::level3 {

std::string name() {
  MKLVersion version{};
  mkl_get_version(&version);
  return "MKL " + std::to_string(version.MajorVersion) + "." + std::to_string(version.MinorVersion) + "." +
         std::to_string(version.UpdateVersion);
}

std::optional<std::string> advice() {
  return std::nullopt;
}

void set_threads(int threads) {
  // Otherwise MKL's sums depend on where in memory their operands lie, and a run would not repeat bit for bit. Has no
  // effect after the first product.
  mkl_cbwr_set(MKL_CBWR_AUTO | MKL_CBWR_STRICT);
  if (threads == 0) return;
  mkl_set_dynamic(0);  // as many as asked for, also where MKL thinks fewer would do
  mkl_set_num_threads(threads);
}

}  // namespace sibp::level3
