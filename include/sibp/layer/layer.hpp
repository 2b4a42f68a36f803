#pragma once

#include "sibp/comm/communicator.hpp"
#include "sibp/device/scratch.hpp"
#include "sibp/layer/activation_store.hpp"
#include "sibp/layer/linear_map.hpp"
#include "sibp/layer/scale_map.hpp"

#include <string>
#include <vector>

namespace sibp {

/// What a pass through the network is for.
enum class Pass {
  training,    ///< batch statistics, dropout
  evaluation,  ///< running statistics, no dropout
};

/// A layer at work: forward and backward on the tensors of an ActivationStore. The two are Collective in a training
/// pass, Local in an evaluation.
class Layer {
 public:
  Layer() = default;
  Layer(const Layer&) = delete;
  Layer& operator=(const Layer&) = delete;
  virtual ~Layer() = default;

  virtual void forward(Pass pass) = 0;
  /// The difference of the output becomes that of the inputs. A layer with a map or scales leaves that to carry(),
  /// which the method calls before or after its update.
  virtual void backward() = 0;
  /// What methods see; null: nothing.
  [[nodiscard]] virtual LinearMap* map() { return nullptr; }
  [[nodiscard]] virtual ScaleMap* scales() { return nullptr; }
};

/// Where a layer works. What is referred to outlives it.
struct LayerPlace {
  Device& device;
  const Communicator& communicator;
  ActivationStore& store;
  Scratch& columns;                      ///< for columns that go into a map; shared by all layers
  Scratch& carried;                      ///< for columns of a difference; shared by all layers
  std::size_t node = 0;                  ///< of NetworkSpec::nodes
  std::vector<std::size_t> inputs{};     ///< tensors, as Node::inputs
  std::vector<MatrixView> parameters{};  ///< in the order of LayerSpec::parameters
  std::size_t index = 0;                 ///< among the maps of the network, or among its layers with scales
  std::string name{};                    ///< for people

  [[nodiscard]] MatrixView input(std::size_t k = 0) const { return store.tensor(inputs[k]); }
  [[nodiscard]] MatrixView output() const { return store.tensor(node + 1); }
  [[nodiscard]] MatrixView output_difference() const { return store.difference(node + 1); }
  /// Whether the difference of an input is wanted: the network's input has none.
  [[nodiscard]] bool carries(std::size_t k = 0) const { return inputs[k] > 0; }
  [[nodiscard]] MatrixView input_difference(std::size_t k = 0) const { return store.difference(inputs[k]); }
  /// 1 where input_difference(k) holds something already that is to be added to, else 0.
  [[nodiscard]] Real beta(std::size_t k = 0) const { return store.adds(node, k) ? Real(1) : Real(0); }
};

}  // namespace sibp
