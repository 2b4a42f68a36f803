#pragma once

#include "sibp/device/batch_loader.hpp"
#include "sibp/device/convolution_products.hpp"
#include "sibp/device/data_term.hpp"
#include "sibp/device/linear_algebra.hpp"
#include "sibp/device/network_operations.hpp"

#include <memory>
#include <optional>
#include <string>

namespace sibp {

/// Everything that training asks of a processor: matrices, networks and batches. Every call is Local.
///
/// A device may work on while the program goes on: its operations take place in the order of the calls, and those that
/// put numbers into host memory return when these are there. Only load_batch may be called from another thread
/// meanwhile.
class Device : public LinearAlgebra, public NetworkOperations, public BatchLoader {
 public:
  /// What the sub-problems of the published procedure minimise beside the proximal term; without samples at first. Null
  /// where the device has none.
  [[nodiscard]] virtual std::unique_ptr<DataTerm> make_data_term() = 0;
  /// The products of a convolution by a library that unfolds no patches; null where the device has none for it, and
  /// then the patches are unfolded. Throws Error (runtime) if there is no room.
  [[nodiscard]] virtual std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape&) {
    return nullptr;
  }
};

/// What would make the products of the CPU device faster, for people: nothing if the BLAS library knows this processor.
std::optional<std::string> cpu_device_advice();

/// The processor's cores with `threads` threads for matrix products (0: what the BLAS library chooses).
std::unique_ptr<Device> make_cpu_device(int threads = 0);

/// The same, with results that are equal bit for bit for any number of threads, and in which a column of a result of
/// gemm, solve_left or a network operation depends on the same column of the operands alone, not on its place or its
/// neighbours: sums in products are exact, of operands rounded to about 21 bits; losses are multiples of 2^-30. Only
/// channel_sums of all samples together depend on which those are. For one type of processor. Has no solve_right and no
/// data term. progress() is not called.
std::unique_ptr<Device> make_reproducible_device(int threads);

}  // namespace sibp
