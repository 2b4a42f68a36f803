#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/layer/layer.hpp"
#include "sibp/model/network.hpp"

#include <memory>
#include <span>
#include <vector>

namespace sibp {

/// A network's layers at work, with the memory of one pass for up to `capacity` local samples, allocated once and used
/// for batches of any size up to that. The device, the communicator and the network outlive it.
class Workspace {
 public:
  /// Local. Throws Error (runtime) if there is no room.
  Workspace(Device& device, const Communicator& communicator, Network& network, Index capacity);

  [[nodiscard]] const NetworkSpec& spec() const { return spec_; }
  [[nodiscard]] Index capacity() const { return store_->capacity(); }
  [[nodiscard]] Index samples() const { return store_->samples(); }
  /// The number of samples of the views below.
  void set_samples(Index samples) { inputs().set_samples(samples); }
  [[nodiscard]] InputBuffer& inputs() { return store_->inputs(); }

  [[nodiscard]] std::span<const std::unique_ptr<Layer>> layers() const { return layers_; }
  /// F_L, classes × M_p, after a pass forward.
  [[nodiscard]] MatrixView outputs() { return store_->tensor(layers_.size()); }
  /// D_L, classes × M_p.
  [[nodiscard]] MatrixView output_difference() { return store_->difference(layers_.size()); }
  [[nodiscard]] LabelView labels() { return inputs().labels(); }

  /// F_L from the inputs, as in an evaluation. Local.
  void evaluate();

 private:
  NetworkSpec spec_;
  std::unique_ptr<Communicator> communicator_;
  std::unique_ptr<Scratch> columns_;
  std::unique_ptr<Scratch> carried_;
  std::unique_ptr<ActivationStore> store_;
  std::vector<std::unique_ptr<Layer>> layers_;
};

}  // namespace sibp
