#pragma once

#include <cstdint>

namespace sibp {

/// Counts what a communicator sums and gathers, and how long that went on behind other work; Communicator says what
/// each figure means. All functions are Local.
class Traffic {
 public:
  void add_reduced(std::int64_t bytes) { bytes_reduced_ += bytes; }
  void add_shared(std::int64_t bytes) { shared_bytes_ += bytes; }
  void remove_shared(std::int64_t bytes) { shared_bytes_ -= bytes; }
  void add_hidden(double seconds) { seconds_hidden_ += seconds; }

  [[nodiscard]] std::int64_t bytes_reduced() const { return bytes_reduced_; }
  [[nodiscard]] std::int64_t shared_bytes() const { return shared_bytes_; }
  [[nodiscard]] double seconds_hidden() const { return seconds_hidden_; }

  /// While it lives, collectives are not counted: they are no part of the training.
  class Uncounted {
   public:
    explicit Uncounted(Traffic& traffic)
        : traffic_(traffic), bytes_reduced_(traffic.bytes_reduced_), seconds_hidden_(traffic.seconds_hidden_) {}
    Uncounted(const Uncounted&) = delete;
    Uncounted& operator=(const Uncounted&) = delete;
    ~Uncounted() {
      traffic_.bytes_reduced_ = bytes_reduced_;
      traffic_.seconds_hidden_ = seconds_hidden_;
    }

   private:
    Traffic& traffic_;
    std::int64_t bytes_reduced_;
    double seconds_hidden_;
  };

 private:
  std::int64_t bytes_reduced_ = 0;
  std::int64_t shared_bytes_ = 0;
  double seconds_hidden_ = 0;
};

}  // namespace sibp
