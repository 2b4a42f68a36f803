#pragma once

#include <array>
#include <cstddef>
#include <cstdint>
#include <utility>

namespace sibp {

/// Kinds of collectives on matrices.
enum class Collective : std::size_t { all_reduce, reduce, reduce_scatter, gather, broadcast };

inline constexpr std::array all_collectives{Collective::all_reduce, Collective::reduce, Collective::reduce_scatter,
                                            Collective::gather, Collective::broadcast};

constexpr const char* name_of(Collective kind) {
  constexpr std::array names{"all-reduce", "reduce", "reduce-scatter", "gather", "broadcast"};
  return names.at(static_cast<std::size_t>(kind));
}

/// Seconds for which collectives of one kind went on behind other work, and for which this rank waited for them.
struct CollectiveSeconds {
  double hidden = 0;
  double exposed = 0;

  CollectiveSeconds& operator+=(const CollectiveSeconds& other) {
    hidden += other.hidden;
    exposed += other.exposed;
    return *this;
  }
  friend bool operator==(const CollectiveSeconds&, const CollectiveSeconds&) = default;
};

/// By kind.
class SecondsByCollective {
 public:
  CollectiveSeconds& operator[](Collective kind) { return seconds_[static_cast<std::size_t>(kind)]; }
  const CollectiveSeconds& operator[](Collective kind) const { return seconds_[static_cast<std::size_t>(kind)]; }

  friend bool operator==(const SecondsByCollective&, const SecondsByCollective&) = default;

 private:
  std::array<CollectiveSeconds, all_collectives.size()> seconds_{};
};

/// Counts what a communicator sums and gathers, and how long that went on behind other work; Communicator says what
/// each figure means. All functions are Local.
class Traffic {
 public:
  void add_reduced(std::int64_t bytes) { bytes_reduced_ += bytes; }
  void add_shared(std::int64_t bytes) { shared_bytes_ += bytes; }
  void remove_shared(std::int64_t bytes) { shared_bytes_ -= bytes; }
  void add_seconds(Collective kind, const CollectiveSeconds& seconds) { seconds_[kind] += seconds; }
  /// What add_seconds was told since the last call.
  SecondsByCollective take_seconds() { return std::exchange(seconds_, {}); }

  [[nodiscard]] std::int64_t bytes_reduced() const { return bytes_reduced_; }
  [[nodiscard]] std::int64_t shared_bytes() const { return shared_bytes_; }

  /// While it lives, collectives are not counted: they are no part of the training.
  class Uncounted {
   public:
    explicit Uncounted(Traffic& traffic)
        : traffic_(traffic), bytes_reduced_(traffic.bytes_reduced_), seconds_(traffic.seconds_) {}
    Uncounted(const Uncounted&) = delete;
    Uncounted& operator=(const Uncounted&) = delete;
    ~Uncounted() {
      traffic_.bytes_reduced_ = bytes_reduced_;
      traffic_.seconds_ = seconds_;
    }

   private:
    Traffic& traffic_;
    std::int64_t bytes_reduced_;
    SecondsByCollective seconds_;
  };

 private:
  std::int64_t bytes_reduced_ = 0;
  std::int64_t shared_bytes_ = 0;
  SecondsByCollective seconds_;
};

}  // namespace sibp
