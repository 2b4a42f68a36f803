// What BLAS does not standardise, as OpenBLAS has it.
#include "device/level3.hpp"

#include <string_view>

#include CBLAS_HEADER

namespace sibp::level3 {

std::string name() {
  // "OpenBLAS 0.3.21 NO_AFFINITY USE_OPENMP Cooperlake MAX_THREADS=64"
  const std::string config = openblas_get_config();
  return config.substr(0, config.find(' ', config.find(' ') + 1)) + ", " + openblas_get_corename() + " kernels";
}

std::optional<std::string> advice() {
  // An OpenBLAS older than the processor does not know it, and falls back to AVX2 kernels.
  const std::string_view kernels = openblas_get_corename();
  const bool knows_avx512 =
      kernels == "SkylakeX" || kernels == "Cooperlake" || kernels == "Sapphirerapids" || kernels == "SapphireRapids";
  if (knows_avx512 || __builtin_cpu_supports("avx512vl") == 0) return std::nullopt;
  return "OpenBLAS uses its " + std::string(kernels) +
         " kernels although this processor has AVX-512; OPENBLAS_CORETYPE=SkylakeX in the environment may double the "
         "speed";
}

void set_threads(int threads) {
  if (threads > 0) openblas_set_num_threads(threads);
}

}  // namespace sibp::level3
