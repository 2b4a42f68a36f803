#pragma once

#include "sibp/comm/traffic.hpp"
#include "sibp/core/types.hpp"

#include <optional>
#include <string>
#include <string_view>

namespace sibp {

/// Mean loss per sample and share of samples classified rightly, over some set.
struct LossAndAccuracy {
  double loss = 0;
  double accuracy = 0;  ///< 0 … 1
};

/// Mean seconds of one step on rank 0, by what they were spent on.
struct PhaseSeconds {
  double forward = 0;
  double backward = 0;       ///< the difference carried back
  double solve = 0;          ///< Gram matrices, factorisations and proximal solves
  double communication = 0;  ///< waiting for other ranks: exposed communication
  double reading = 0;        ///< gathering and normalising batches
};

/// One line of metrics.jsonl. Means are over the steps since the record before it.
struct MetricsRecord {
  Index step = 0;           ///< updates done
  double epoch = 0;         ///< passes over the training set done
  LossAndAccuracy train{};  ///< over the batches since the last record, before their updates; in the final record over
                            ///< the whole training set with the final weights
  std::optional<LossAndAccuracy> training_sample{};  ///< over the training samples that every record measures
  std::optional<LossAndAccuracy> validation{};
  std::optional<LossAndAccuracy> test{};
  std::optional<LossAndAccuracy> validation_average{};  ///< with the averaged weights, where there are such
  std::optional<LossAndAccuracy> test_average{};
  double eta = 0;  ///< of the last step
  double lambda_min = 0;
  double lambda_max = 0;  ///< over the layers of the last step
  double seconds_step = 0;
  PhaseSeconds seconds{};
  double seconds_total = 0;           ///< training time since the start, without evaluations and checkpoints
  SecondsByCollective collectives{};  ///< per step
  std::int64_t bytes_reduced = 0;     ///< bytes that a rank gives to all-reduces, per step
  double samples_per_second = 0;      ///< over all ranks
  std::optional<std::int64_t> peak_memory_bytes{};  ///< of the rank that has had most in use; in the final record
  bool is_final = false;
};

/// The record as one line of JSON without a line break: keys step, epoch, train_loss, train_accuracy,
/// training_sample_loss, training_sample_accuracy, validation_loss, validation_accuracy, test_loss, test_accuracy,
/// the last four with validation_average and test_average as well (present where measured), eta, lambda_min,
/// lambda_max, seconds_step, seconds_forward, seconds_backward, seconds_solve, seconds_communication (exposed),
/// seconds_communication_hidden (of all collectives), of each kind of collective that there was such as
/// seconds_all_reduce_hidden and seconds_all_reduce_exposed, seconds_reading, seconds_total, bytes_reduced,
/// samples_per_second, peak_memory_bytes (in the final record), final.
std::string to_json_line(const MetricsRecord& record);

/// The record that a line of metrics.jsonl holds; what is null there is NaN. Nothing if it is no such line. Local.
std::optional<MetricsRecord> from_json_line(std::string_view line);

/// What training tells those who watch it, on rank 0 only.
class TrainingObserver {
 public:
  TrainingObserver() = default;
  TrainingObserver(const TrainingObserver&) = delete;
  TrainingObserver& operator=(const TrainingObserver&) = delete;
  virtual ~TrainingObserver() = default;

  /// After every step: updates done of all updates of the run, the loss of the step's batch, samples trained on so far.
  virtual void on_step(Index step, Index steps, double batch_loss, Index samples) = 0;
  /// Every log_every steps, at evaluations, and once at the end.
  virtual void on_record(const MetricsRecord& record) = 0;
};

}  // namespace sibp
