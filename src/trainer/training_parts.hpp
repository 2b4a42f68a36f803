#pragma once

#include "sibp/trainer/trainer.hpp"

namespace sibp {

/// What a training is made of, as train() is given it, and its length. All outlive the training.
struct TrainingParts {
  UpdateContext context;
  UpdateRule& rule;
  Network& network;
  const TrainingData& data;
  const TrainingOptions& options;
  double eta;  ///< of the schedule's start
  TrainingObserver* observer;
  const TrainingControl& control;
  Index steps;  ///< of the whole run
};

}  // namespace sibp
