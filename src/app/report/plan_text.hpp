#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/update/step_prediction.hpp"

#include <string>
#include <vector>

namespace sibp {

/// A step in one form for all layers that it fits, and normal for the others.
struct AlternativeStep {
  Form form = Form::normal;
  StepPrediction step;
  double memory_bytes = 0;  ///< of a rank, as predict_memory says
};

/// A step on so many nodes, and what the same step would be in each form.
struct PlanPoint {
  Index nodes = 1;
  StepPrediction step;
  double efficiency = 1;    ///< of the ranks, against the first number of nodes
  double memory_bytes = 0;  ///< of a rank, as predict_memory says
  double sgd_seconds = 0;   ///< of a step of gradient descent with momentum
  StepSetting best;         ///< as best_setting says
  double best_seconds = 0;
  std::vector<AlternativeStep> alternatives;
};

/// All that `plan` has found out.
struct Plan {
  NetworkSpec spec;
  Index batch = 0;  ///< of the strong curve, and of the first point of the weak one
  Index ranks_per_node = 1;
  MachineRates rates;   ///< of one rank
  double slowness = 1;  ///< seconds of the network's passes over what the rates say, measured with them
  Interconnect interconnect;
  int measured_ranks = 0;  ///< on so many ranks the rates are as measured, communication included; 0: on none
  bool measured_flops = false;
  bool measured_interconnect = false;
  std::vector<PlanPoint> strong;  ///< the same batch on all numbers of nodes
  std::vector<PlanPoint> weak;    ///< the same samples per rank
};

/// The plan as tables, for people. Local.
std::string plan_text(const Plan& plan);

/// The plan as JSON, for programs: seconds, bytes and flops of a rank in a step. Local.
std::string plan_json(const Plan& plan);

}  // namespace sibp
