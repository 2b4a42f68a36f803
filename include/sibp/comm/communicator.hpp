// The communicator: collectives on the memory of ranks, and what makes one over each library.
#pragma once

#include "sibp/comm/backend.hpp"
#include "sibp/core/matrix_view.hpp"

#include <memory>
#include <span>
#include <string>
#include <vector>

namespace sibp {

/// The element type of a C++ type; a type without a specialisation does not compile.
template <class T>
struct ElementTypeOf;
template <>
struct ElementTypeOf<char> {
  static constexpr ElementType value = ElementType::byte;
};
template <>
struct ElementTypeOf<std::int32_t> {
  static constexpr ElementType value = ElementType::int32;
};
template <>
struct ElementTypeOf<std::int64_t> {
  static constexpr ElementType value = ElementType::int64;
};
template <>
struct ElementTypeOf<std::uint64_t> {
  static constexpr ElementType value = ElementType::uint64;
};
template <>
struct ElementTypeOf<float> {
  static constexpr ElementType value = ElementType::float32;
};
template <>
struct ElementTypeOf<double> {
  static constexpr ElementType value = ElementType::float64;
};

/// A type that can be reduced and gathered.
template <class T>
concept Element = requires {
  ElementTypeOf<T>::value;
};

/// All ranks of the job, or of a part of it. A handle: copies stand for the same communicator.
///
/// The argument says where memory lives: a span is host memory, a MatrixView the device's. Every function but rank(),
/// size() and is_root() is Collective: all ranks call the same functions in the same order, with equal counts. Failures
/// of the library throw Error (runtime).
class Communicator {
 public:
  explicit Communicator(std::shared_ptr<CommunicatorBackend> backend) : backend_(std::move(backend)) {}

  [[nodiscard]] int rank() const { return backend_->rank(); }
  [[nodiscard]] int size() const { return backend_->size(); }
  [[nodiscard]] bool is_root() const { return rank() == 0; }

  /// data ← sum (largest, smallest) over ranks, element by element, on every rank.
  template <Element T>
  void all_reduce_sum(std::span<T> data) const {
    reduce(data, Reduction::sum);
  }
  template <Element T>
  void all_reduce_max(std::span<T> data) const {
    reduce(data, Reduction::max);
  }
  template <Element T>
  void all_reduce_min(std::span<T> data) const {
    reduce(data, Reduction::min);
  }

  /// The same for one value.
  template <Element T>
  [[nodiscard]] T sum(T value) const {
    return reduced(value, Reduction::sum);
  }
  template <Element T>
  [[nodiscard]] T max(T value) const {
    return reduced(value, Reduction::max);
  }
  template <Element T>
  [[nodiscard]] T min(T value) const {
    return reduced(value, Reduction::min);
  }

  /// data ← that of rank `root`.
  template <Element T>
  void broadcast(std::span<T> data, int root = 0) const {
    backend_->broadcast(data.data(), static_cast<Index>(data.size()), ElementTypeOf<T>::value, root);
  }
  /// The text of rank `root`, on every rank; its length may differ before.
  [[nodiscard]] std::string broadcast(std::string text, int root = 0) const;

  /// gathered[q] ← the value of rank q.
  template <Element T>
  void all_gather(T value, std::span<T> gathered) const {
    require(std::ssize(gathered) == size(), "one place per rank is needed");
    backend_->all_gather(&value, 1, ElementTypeOf<T>::value, gathered.data());
  }
  /// The values of all ranks, in their order.
  template <Element T>
  [[nodiscard]] std::vector<T> all_gather(T value) const {
    std::vector<T> gathered(static_cast<std::size_t>(size()));
    backend_->all_gather(&value, 1, ElementTypeOf<T>::value, gathered.data());
    return gathered;
  }

  /// True on every rank if `condition` is true on every rank.
  [[nodiscard]] bool all_agree(bool condition) const { return min(std::int32_t{condition}) == 1; }

  void barrier() const { backend_->barrier(); }

  /// matrix ← sum over ranks. `matrix` is contiguous, of equal shape everywhere.
  void all_reduce_sum(MatrixView matrix) const;
  /// matrix ← that of rank `root`.
  void broadcast(MatrixView matrix, int root = 0) const;
  /// A place for collectives on matrices that go on while other work is done. The slots of a communicator must be gone
  /// before it is.
  [[nodiscard]] std::unique_ptr<CollectiveSlot> make_slot() const { return backend_->make_slot(); }
  /// A rows × cols matrix of zeros for sums over ranks: in memory that the ranks of a node share if SumOptions say so,
  /// leave it open and there is room, or ask for a trial, which the first call makes, and it is faster so. Must be gone
  /// before the communicator is. With a root the sums are for that rank alone. Collective. Throws Error (runtime) if
  /// there is no room.
  [[nodiscard]] std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols,
                                                           Root root = {}) const {
    return backend_->make_all_reduce(device, rows, cols, root);
  }
  /// A rows × cols matrix of sums over samples, of which each rank gets some columns. Must be gone before the
  /// communicator is. Collective. Throws Error (runtime) if there is no room.
  [[nodiscard]] std::unique_ptr<ReduceScatter> make_reduce_scatter(Device& device, Index rows, Index cols) const {
    return backend_->make_reduce_scatter(device, rows, cols);
  }
  /// Whether sums over ranks are made at all: not on one rank alone, whose part is the sum, unless they are exact.
  /// Local.
  [[nodiscard]] bool makes_sums() const { return size() > 1 || sums() == Sums::exact; }
  /// A matrix of at most so many elements, of which each rank fills some columns: in memory that the ranks of a node
  /// share where make_all_reduce's would be. Must be gone before the communicator is. Collective. Throws Error
  /// (runtime) if there is no room.
  [[nodiscard]] std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) const {
    return backend_->make_all_gather(device, elements);
  }
  /// How matrices are summed: decided when the first AllReduce is made; `automatic` before, and on one rank. Local.
  [[nodiscard]] Sums sums() const { return backend_->decision().sums; }
  /// The same for people, with what a trial has shown; empty until it is decided. Local.
  [[nodiscard]] const std::string& sums_in_words() const { return backend_->decision().in_words; }
  /// Bytes of matrices in memory that ranks share, as they count for every rank that reads them. Local.
  [[nodiscard]] std::int64_t shared_bytes() const { return traffic().shared_bytes(); }
  /// Moves on whatever is under way, without blocking; to be called now and then during long work. Local.
  void poll() const { backend_->poll(); }
  /// Bytes of matrices this rank has given to all-reduces so far, in the format they travel in: between nodes where a
  /// sum goes through the memory of each first. A gather, a reduce-scatter, a reduce or a broadcast, half of an
  /// all-reduce each, counts half of its bytes. Nothing counts where there is one rank. Local.
  [[nodiscard]] std::int64_t bytes_reduced() const { return traffic().bytes_reduced(); }
  /// The counts themselves, and the seconds that collectives take: those under way at the same time count each. Local.
  [[nodiscard]] Traffic& traffic() const { return backend_->traffic(); }

  /// What the communicator is made of, for communicators that send some of their data another way. Local.
  [[nodiscard]] const std::shared_ptr<CommunicatorBackend>& backend() const { return backend_; }

 private:
  template <Element T>
  void reduce(std::span<T> data, Reduction reduction) const {
    backend_->all_reduce(data.data(), static_cast<Index>(data.size()), ElementTypeOf<T>::value, reduction);
  }
  template <Element T>
  [[nodiscard]] T reduced(T value, Reduction reduction) const {
    backend_->all_reduce(&value, 1, ElementTypeOf<T>::value, reduction);
    return value;
  }

  std::shared_ptr<CommunicatorBackend> backend_;
};

/// The ranks of the job, over MPI; matrices are in host memory. Collective. Needs an MpiEnvironment.
Communicator make_mpi_communicator(const SumOptions& options = {});

/// This rank alone. Local.
Communicator make_self_communicator(const SumOptions& options = {});

/// Ranks of the job that run on this rank's node. Collective.
Communicator make_node_communicator();

/// The ranks of `world`, each with a GPU of its own: matrices, which are in the GPU's memory, go over NCCL, and host
/// memory goes as in `world`. `device` is of make_cuda_device, and outlives the communicator. Collective.
///
/// A collective runs on a stream of its own, after what the device was asked for before it; wait() lets the device's
/// later operations begin after it and returns at once. poll() throws Error when a rank is lost: `stalled` if a
/// collective gets nowhere for `patience` seconds (0: as long as it takes) or the network fails. Nothing is heard of
/// ranks while nobody polls: give poll() to Device::set_progress. Traffic has no seconds of its collectives.
///
/// Throws Error (runtime) in a build without GPU support, or if NCCL does not start.
Communicator make_gpu_communicator(const Communicator& world, Device& device, double patience);

/// The library that does it, for people; empty in a build without GPU support. Local.
std::string gpu_communication_library();

/// totals[k] ← Σ of_samples[k + j · totals.size()] over this rank's samples j and over all ranks, in double. Where the
/// communicator's sums are exact, the terms are first rounded to multiples of a power of two, so coarse that no sum is
/// rounded: the totals are then the same bits for any order and any number of ranks. `samples` are those of all ranks.
/// Collective.
void sum_over_samples(const Communicator& communicator, std::span<double> of_samples, Index samples,
                      std::span<double> totals);

}  // namespace sibp
