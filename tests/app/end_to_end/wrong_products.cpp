// Loaded before the BLAS library, this makes the products of rank 1 wrong, as a broken library or core would.
#include <cstdlib>
#include <cstring>

#include <cblas.h>
#include <dlfcn.h>

extern "C" void cblas_sgemm(CBLAS_ORDER order, CBLAS_TRANSPOSE op_a, CBLAS_TRANSPOSE op_b, blasint m, blasint n,
                            blasint k, float alpha, const float* a, blasint lda, const float* b, blasint ldb,
                            float beta, float* c, blasint ldc) {
  static const auto real = reinterpret_cast<decltype(&cblas_sgemm)>(dlsym(RTLD_NEXT, "cblas_sgemm"));
  static const char* rank = std::getenv("OMPI_COMM_WORLD_RANK");
  const bool is_wrong = rank != nullptr && std::strcmp(rank, "1") == 0;
  real(order, op_a, op_b, m, n, k, is_wrong ? 1.5F * alpha : alpha, a, lda, b, ldb, beta, c, ldc);
}
