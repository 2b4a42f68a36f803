#pragma once

#include "sibp/core/matrix_view.hpp"

#include <memory>

namespace sibp {

/// Element types that travel between ranks.
enum class ElementType { byte, int32, int64, uint64, float32, float64 };

enum class Reduction { sum, max, min };

/// A reduction of a matrix that is under way; the matrix must be left alone until wait() has returned.
class ReductionInFlight {
 public:
  ReductionInFlight() = default;
  ReductionInFlight(const ReductionInFlight&) = delete;
  ReductionInFlight& operator=(const ReductionInFlight&) = delete;
  virtual ~ReductionInFlight() = default;

  /// Moves the reduction on without blocking; true once it is done. Local.
  virtual bool poll() = 0;
  /// Returns when the sum is in the matrix. Collective in the order in which the reductions were started.
  virtual void wait() = 0;
};

/// What Communicator is made of: one library's collectives, without types. `count` is in elements, never bytes.
/// Host memory (void*) and matrices in a device's memory may take different ways. All functions are Collective.
class CommunicatorBackend {
 public:
  CommunicatorBackend() = default;
  CommunicatorBackend(const CommunicatorBackend&) = delete;
  CommunicatorBackend& operator=(const CommunicatorBackend&) = delete;
  virtual ~CommunicatorBackend() = default;

  [[nodiscard]] virtual int rank() const = 0;
  [[nodiscard]] virtual int size() const = 0;
  virtual void all_reduce(void* data, Index count, ElementType type, Reduction reduction) = 0;
  virtual void broadcast(void* data, Index count, ElementType type, int root) = 0;
  /// gathered, size() · count elements, ← the parts of all ranks in their order.
  virtual void all_gather(const void* part, Index count, ElementType type, void* gathered) = 0;
  virtual void barrier() = 0;
  virtual std::unique_ptr<ReductionInFlight> start_all_reduce_sum(MatrixView matrix) = 0;
  virtual void broadcast_matrix(MatrixView matrix, int root) = 0;

  std::int64_t bytes_reduced = 0;  ///< bytes of the matrices this rank has given to reductions so far
};

}  // namespace sibp
