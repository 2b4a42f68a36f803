#pragma once

#include "sibp/trainer/best.hpp"

#include <filesystem>
#include <string>
#include <vector>

namespace sibp {

/// What a finished training was; everything the summary says.
struct RunSummary {
  std::string network;  ///< short name
  Index parameters = 0;
  std::string dataset;
  Index training_samples = 0;
  Index validation_samples = 0;
  Index test_samples = 0;
  int ranks = 1;
  int threads = 1;           ///< of each rank
  MetricsRecord final;       ///< the last record
  Best best;                 ///< see --keep-best
  PhaseSeconds mean_phases;  ///< of a step, over the whole run: see PhaseMeans
  std::filesystem::path folder;
};

/// A few lines for the end of a training: what was done, what came of it, how fast, and where it is. Local.
std::string summary_text(const RunSummary& summary);

/// The mean seconds of a step by phase, over the steps of a training since it started or went on.
class PhaseMeans final : public TrainingObserver {
 public:
  /// For a training that starts, or goes on, after the record of this step.
  explicit PhaseMeans(Index last_record = 0) : last_step_(last_record) {}
  void on_step(Index, Index, double, Index) override {}
  void on_record(const MetricsRecord& record) override;
  [[nodiscard]] PhaseSeconds means() const;

 private:
  Index steps_ = 0;      ///< that records have told of
  Index last_step_ = 0;  ///< of the last record
  PhaseSeconds totals_;
};

/// Several observers as one; those that are null are left out.
class Observers final : public TrainingObserver {
 public:
  explicit Observers(std::vector<TrainingObserver*> observers);
  void on_step(Index step, Index steps, double batch_loss, Index samples) override;
  void on_record(const MetricsRecord& record) override;

 private:
  std::vector<TrainingObserver*> observers_;
};

}  // namespace sibp
