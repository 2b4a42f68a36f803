#pragma once

#include "sibp/comm/collectives.hpp"
#include "sibp/comm/sum_options.hpp"
#include "sibp/comm/traffic.hpp"
#include "sibp/core/matrix_view.hpp"
#include "sibp/device/device.hpp"

#include <memory>
#include <string>
#include <utility>

namespace sibp {

/// Element types that travel between ranks.
enum class ElementType { byte, int32, int64, uint64, float32, float64 };

enum class Reduction { sum, max, min };

/// How matrices are summed, once a backend has decided; see Communicator::sums.
struct SumsDecision {
  Sums sums = Sums::automatic;
  std::string in_words;  ///< for people; empty until it is decided
};

/// What Communicator is made of: one library's collectives, without types. `count` is in elements, never bytes.
/// Host memory (void*) and matrices in a device's memory may take different ways. All functions are Collective, but for
/// rank(), size(), poll() and where it says so.
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
  virtual void broadcast_matrix(MatrixView matrix, int root) = 0;
  virtual std::unique_ptr<CollectiveSlot> make_slot() = 0;
  virtual std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root root) = 0;
  virtual std::unique_ptr<ReduceScatter> make_reduce_scatter(Device& device, Index rows, Index cols) {
    return make_plain_reduce_scatter(device, make_slot(), rows, cols);
  }
  virtual std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) = 0;
  /// Moves on whatever is under way, without blocking. Local.
  virtual void poll() = 0;

  /// Local.
  [[nodiscard]] Traffic& traffic() { return traffic_; }
  /// Local.
  [[nodiscard]] const SumsDecision& decision() const { return decision_; }
  /// Takes note of how matrices are summed. Local.
  void decide(Sums sums, std::string in_words) { decision_ = {sums, std::move(in_words)}; }

 private:
  Traffic traffic_;
  SumsDecision decision_;
};

}  // namespace sibp
