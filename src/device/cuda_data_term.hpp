#pragma once

#include "sibp/device/data_term.hpp"

#include "device/cuda_handles.hpp"
#include "device/data_term_work.hpp"

namespace sibp::cuda {

class CudaDevice;

/// DataTerm in a GPU's memory.
class CudaDataTerm final : public DataTerm {
 public:
  explicit CudaDataTerm(CudaDevice& device) : device_(device) {}

  void start(Activation activation, ConstMatrixView weights, ConstMatrixView features, double eta,
             ConstMatrixView difference) override;
  void residual_delta(MatrixView r) override;
  void changes(ConstMatrixView h, std::span<const double> steps, std::span<double> changes) override;
  void move(double t, ConstMatrixView h) override;

 private:
  [[nodiscard]] work::Doubles g() const { return {g_.data(), rows_}; }
  [[nodiscard]] work::Doubles t() const { return {t_.data(), rows_}; }
  [[nodiscard]] bool is_empty() const { return rows_ * cols_ == 0; }
  void require_shape(ConstMatrixView a) const;

  CudaDevice& device_;
  Activation activation_ = Activation::identity;
  Index rows_ = 0;  ///< outputs
  Index cols_ = 0;  ///< samples
  DeviceArray<double> g_, t_;
  DeviceArray<double> left_, right_;  ///< Ŵ and F̂ in double
};

}  // namespace sibp::cuda
