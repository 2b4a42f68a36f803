// cuBLAS and cuSOLVER by the host's BLAS and LAPACK, for matrices of Real, and the project's kernels by loops.
#include "device/cuda_instances.hpp"
#include "device/cuda_kernels.hpp"
#include "emulation/streams.hpp"

#include <utility>

#include <cublas_v2.h>
#include <cusolverDn.h>

#include CBLAS_HEADER
#include LAPACKE_HEADER

namespace {

using sibp::Index;
using sibp::Real;
using sibp::emulation::queue;

/// The stream that the handles of the libraries were given: there is one of each.
cudaStream_t blas_stream = nullptr;
cudaStream_t solver_stream = nullptr;

CBLAS_TRANSPOSE host(cublasOperation_t op) {
  return op == CUBLAS_OP_N ? CblasNoTrans : CblasTrans;
}

}  // namespace

extern "C" {

cublasStatus_t cublasCreate_v2(cublasHandle_t* handle) {
  *handle = reinterpret_cast<cublasHandle_t>(&blas_stream);
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDestroy_v2(cublasHandle_t) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetStream_v2(cublasHandle_t, cudaStream_t stream) {
  blas_stream = stream;
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSetMathMode(cublasHandle_t, cublasMath_t) {
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasGetProperty(libraryPropertyType, int* value) {
  *value = 13;
  return CUBLAS_STATUS_SUCCESS;
}
const char* cublasGetStatusString(cublasStatus_t) {
  return "a status of the emulation";
}
cublasStatus_t cublasSgemm_v2(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                              const float* alpha, const float* a, int lda, const float* b, int ldb, const float* beta,
                              float* c, int ldc) {
  queue(blas_stream, [=, x = *alpha, y = *beta] {
    cblas_sgemm(CblasColMajor, host(op_a), host(op_b), m, n, k, x, a, lda, b, ldb, y, c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasDgemm_v2(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n, int k,
                              const double* alpha, const double* a, int lda, const double* b, int ldb,
                              const double* beta, double* c, int ldc) {
  queue(blas_stream, [=, x = *alpha, y = *beta] {
    cblas_dgemm(CblasColMajor, host(op_a), host(op_b), m, n, k, x, a, lda, b, ldb, y, c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSsyrk_v2(cublasHandle_t, cublasFillMode_t uplo, cublasOperation_t op, int n, int k,
                              const float* alpha, const float* a, int lda, const float* beta, float* c, int ldc) {
  queue(blas_stream, [=, x = *alpha, y = *beta] {
    cblas_ssyrk(CblasColMajor, uplo == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper, host(op), n, k, x, a, lda, y,
                c, ldc);
  });
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasStrsm_v2(cublasHandle_t, cublasSideMode_t side, cublasFillMode_t uplo, cublasOperation_t op,
                              cublasDiagType_t diagonal, int m, int n, const float* alpha, const float* a, int lda,
                              float* b, int ldb) {
  queue(blas_stream, [=, x = *alpha] {
    cblas_strsm(CblasColMajor, side == CUBLAS_SIDE_LEFT ? CblasLeft : CblasRight,
                uplo == CUBLAS_FILL_MODE_LOWER ? CblasLower : CblasUpper, host(op),
                diagonal == CUBLAS_DIAG_UNIT ? CblasUnit : CblasNonUnit, m, n, x, a, lda, b, ldb);
  });
  return CUBLAS_STATUS_SUCCESS;
}
cublasStatus_t cublasSgeam(cublasHandle_t, cublasOperation_t op_a, cublasOperation_t op_b, int m, int n,
                           const float* alpha, const float* a, int lda, const float* beta, const float* b, int ldb,
                           float* c, int ldc) {
  // As documented: the result may take the place of an operand that is not transposed.
  if ((c == a && op_a != CUBLAS_OP_N) || (c == b && (op_b != CUBLAS_OP_N || ldb != ldc)))
    return CUBLAS_STATUS_INVALID_VALUE;
  queue(blas_stream, [=, x = *alpha, y = *beta] {
    for (int j = 0; j < n; ++j)
      for (int i = 0; i < m; ++i) {
        const float first = op_a == CUBLAS_OP_N ? a[i + j * lda] : a[j + i * lda];
        const float second = op_b == CUBLAS_OP_N ? b[i + j * ldb] : b[j + i * ldb];
        c[i + j * ldc] = x * first + y * second;
      }
  });
  return CUBLAS_STATUS_SUCCESS;
}

cusolverStatus_t cusolverDnCreate(cusolverDnHandle_t* handle) {
  *handle = reinterpret_cast<cusolverDnHandle_t>(&solver_stream);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroy(cusolverDnHandle_t) {
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnSetStream(cusolverDnHandle_t, cudaStream_t stream) {
  solver_stream = stream;
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnCreateParams(cusolverDnParams_t* parameters) {
  *parameters = reinterpret_cast<cusolverDnParams_t>(&solver_stream);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnDestroyParams(cusolverDnParams_t) {
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXpotrf_bufferSize(cusolverDnHandle_t, cusolverDnParams_t, cublasFillMode_t, std::int64_t n,
                                             cudaDataType, const void*, std::int64_t, cudaDataType,
                                             std::size_t* on_device, std::size_t* on_host) {
  *on_device = static_cast<std::size_t>(n) * 8;
  *on_host = static_cast<std::size_t>(n);
  return CUSOLVER_STATUS_SUCCESS;
}
cusolverStatus_t cusolverDnXpotrf(cusolverDnHandle_t, cusolverDnParams_t, cublasFillMode_t uplo, std::int64_t n,
                                  cudaDataType, void* a, std::int64_t lda, cudaDataType, void*, std::size_t, void*,
                                  std::size_t, int* info) {
  if (uplo != CUBLAS_FILL_MODE_LOWER) return CUSOLVER_STATUS_NOT_SUPPORTED;
  queue(solver_stream, [=, rows = static_cast<int>(n), stride = static_cast<int>(lda)] {
    *info = LAPACKE_spotrf_work(LAPACK_COL_MAJOR, 'L', rows, static_cast<float*>(a), stride);
  });
  return CUSOLVER_STATUS_SUCCESS;
}

}  // extern "C"

namespace sibp::cuda {

template <class Work>
void for_each_element(cudaStream_t stream, Index rows, Index cols, const Work& work) {
  queue(stream, [=] {
    for (Index c = 0; c < cols; ++c)
      for (Index r = 0; r < rows; ++r) work(r, c);
  });
}

template <class Term>
void sum_terms(cudaStream_t stream, Index rows, Index cols, Index count, const Term& term, double*, double* sums) {
  queue(stream, [=] {
    for (Index k = 0; k < count; ++k) {
      sums[k] = 0;
      for (Index c = 0; c < cols; ++c)
        for (Index r = 0; r < rows; ++r) sums[k] += term(r, c, k);
    }
  });
}

void row_products(cudaStream_t stream, ConstMatrixView a, ConstMatrixView b, double* products) {
  queue(stream, [=] {
    for (Index r = 0; r < a.rows; ++r) {
      products[r] = 0;
      for (Index c = 0; c < a.cols; ++c) products[r] += work::ProductTerm{a, b}(r, c, 0);
    }
  });
}

void sum_channels(cudaStream_t stream, const work::ChannelSums& work) {
  queue(stream, [=] {
    for (Index part = 0; part < work.parts; ++part)
      for (Index channel = 0; channel < work.channels; ++channel) work(work::Alone(), channel, part);
  });
}

template <class Work>
void for_each_column(cudaStream_t stream, Index cols, const Work& work, double*, double* totals) {
  queue(stream, [=] {
    for (Index c = 0; c < cols; ++c) {
      const work::SampleLoss sample = work(work::Alone(), c);
      totals[0] += sample.loss;
      totals[1] += sample.correct;
    }
  });
}

template <class Work>
void run_block(cudaStream_t stream, const Work& work) {
  queue(stream, [=] { work(work::Alone()); });
}

#define SIBP_INSTANCE(Work) template void for_each_element(cudaStream_t, Index, Index, const work::Work&);
SIBP_ELEMENT_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE
#define SIBP_INSTANCE(Term) \
  template void sum_terms(cudaStream_t, Index, Index, Index, const work::Term&, double*, double*);
SIBP_TERMS(SIBP_INSTANCE)
#undef SIBP_INSTANCE
#define SIBP_INSTANCE(Work) template void for_each_column(cudaStream_t, Index, const work::Work&, double*, double*);
SIBP_COLUMN_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE
#define SIBP_INSTANCE(Work) template void run_block(cudaStream_t, const work::Work&);
SIBP_BLOCK_WORK(SIBP_INSTANCE)
#undef SIBP_INSTANCE

}  // namespace sibp::cuda
