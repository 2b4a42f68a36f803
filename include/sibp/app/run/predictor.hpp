#pragma once

#include "sibp/device/samples.hpp"
#include "sibp/model/network_spec.hpp"

#include <filesystem>
#include <memory>
#include <vector>

namespace sibp {

/// A trained model on this process's processors, for samples in memory.
class Predictor {
 public:
  /// `model` is a model file, or the folder of a run or a checkpoint. Local; needs an MpiEnvironment. Throws Error
  /// (model) naming the file and what is wrong with it.
  explicit Predictor(const std::filesystem::path& model);
  Predictor(Predictor&& other) noexcept;
  Predictor& operator=(Predictor&& other) noexcept;
  ~Predictor();

  [[nodiscard]] const NetworkSpec& spec() const;
  [[nodiscard]] TensorShape shape() const;  ///< of a sample
  /// softmax(F_L), spec().outputs() × samples, column by column; labels are not looked at. Local. Throws Error (usage)
  /// if the samples have another number of features, or of another shape where both are pictures.
  [[nodiscard]] std::vector<Real> probabilities(Samples samples);

 private:
  struct Impl;
  std::unique_ptr<Impl> impl_;
};

}  // namespace sibp
