#pragma once

#include "sibp/device/tensor_shape.hpp"
#include "sibp/model/layer_export.hpp"
#include "sibp/model/map_shape.hpp"

#include <memory>
#include <optional>
#include <string>
#include <vector>

namespace sibp {

class Layer;
struct LayerPlace;

/// What a parameter is for.
enum class ParameterRole {
  weights,     ///< Ŵ of a linear map
  scales,      ///< [γ β] of a normalisation, or β alone
  statistics,  ///< running statistics: no method updates them
};

/// Neighbouring columns of a parameter's matrix, as one tensor of a file.
struct ParameterPiece {
  std::string name;          ///< "weight" in "layers.3.weight"
  Index columns = 0;         ///< follow those of the piece before
  std::vector<Index> shape;  ///< in files, row-major
};

/// Neighbouring columns of a matrix.
struct ColumnRange {
  Index first = 0;
  Index count = 0;
};

/// One matrix that a layer keeps.
struct ParameterSpec {
  ParameterRole role = ParameterRole::weights;
  Index rows = 0;
  Index cols = 0;
  std::vector<ParameterPiece> pieces;
  std::vector<double> start;  ///< what every column is filled with; empty: drawn, as Initialisation says
  ColumnRange middle{};  ///< of Ŵ: what meets the pixel in the middle of a convolution's window, channel by channel

  [[nodiscard]] Index size() const { return rows * cols; }
};

/// What a layer is, before it works on a device. Each kind of layer is one class, in its own file of src/layer/.
class LayerSpec {
 public:
  LayerSpec() = default;
  LayerSpec(const LayerSpec&) = delete;
  LayerSpec& operator=(const LayerSpec&) = delete;
  virtual ~LayerSpec() = default;

  /// The layer in the layer language, everything named.
  [[nodiscard]] virtual std::string text() const = 0;
  /// What stands for the layer in short_name: "500", "c64"; empty: nothing.
  [[nodiscard]] virtual std::string short_text() const { return {}; }
  /// The same layer followed by σ, where the layer does that itself; null where it does not.
  [[nodiscard]] virtual std::shared_ptr<const LayerSpec> with_activation(Activation) const { return nullptr; }
  /// Of one sample that comes out.
  [[nodiscard]] virtual TensorShape output() const = 0;
  [[nodiscard]] virtual std::vector<ParameterSpec> parameters() const { return {}; }
  /// The linear map that methods see, if the layer has one.
  [[nodiscard]] virtual std::optional<MapShape> map() const { return std::nullopt; }
  /// Elements that forward and backward pass read and write for a sample, beside products of matrices.
  [[nodiscard]] virtual Index touched() const { return 4 * output().size(); }

  /// Whether the way back needs the layer's output as the forward pass left it.
  [[nodiscard]] virtual bool needs_output() const { return false; }
  /// Whether the output may take the place of the first input, and so may their differences on the way back.
  [[nodiscard]] virtual bool works_in_place() const { return false; }
  /// Whether the difference of the first input may take the place of the output's.
  [[nodiscard]] virtual bool carries_in_place() const { return works_in_place(); }
  /// Whether the first input is read with a row of ones.
  [[nodiscard]] virtual bool reads_ones() const { return false; }

  /// Whether the layer moves a window over pixels, so that other programs give it pictures even of one pixel.
  [[nodiscard]] virtual bool has_window() const { return false; }
  /// Adds what the layer computes in an evaluation to a graph of ONNX, from these inputs; returns the name of its
  /// output. Local. Throws Error (usage) where the layer has no such form.
  [[nodiscard]] virtual std::string to_onnx(OnnxGraph& graph, const std::vector<std::string>& inputs,
                                            const ExportedLayer& layer) const;
  /// The layer as modules of PyTorch, one after the other. Local. Throws Error (usage) where it has no such form.
  [[nodiscard]] virtual std::vector<TorchModule> to_torch(const ExportedLayer& layer) const;

  /// The layer at work. Local.
  [[nodiscard]] virtual std::unique_ptr<Layer> make(const LayerPlace& place) const = 0;
};

}  // namespace sibp
