#pragma once

#include "sibp/core/types.hpp"
#include "sibp/data/augmentation.hpp"
#include "sibp/update/method_options.hpp"

#include <cstdint>
#include <filesystem>
#include <optional>

namespace sibp {

/// How the step size changes over the run, after the warm-up.
enum class Schedule {
  linear,    ///< to zero at the end of the run
  constant,  ///< stays
  cosine,    ///< to zero along half a cosine
};

/// Everything that decides which weights come out of a run, beside the data and the network.
struct TrainingOptions {
  MethodOptions method;       ///< the method and its parameters
  std::optional<double> eta;  ///< step size, > 0: on the neurons, or the learning rate; absent: default_step_size()
  Schedule schedule = Schedule::linear;
  Index warmup_steps = 0;            ///< the step size rises linearly over these steps first
  Index batch = 100;                 ///< global batch M, samples over all ranks
  std::filesystem::path batch_list;  ///< the samples of each step; empty: the order of the seed
  Augmentation augmentation;         ///< of the pictures in training batches
  double label_smoothing = 0;        ///< share of a target that all classes have alike, below 1; in training alone
  Index epochs = 5;                  ///< passes over the training set; used unless `steps` is given
  std::optional<Index> steps;        ///< updates, instead of epochs
  Index logical_shards = 64;         ///< V
  std::uint64_t seed = 1;
  Index log_every = 100;      ///< steps between records of the training loss; 0: evaluations only
  Index evaluate_every = 0;   ///< steps between evaluations; 0: once an epoch
  Index training_sample = 0;  ///< training samples, drawn once, whose loss every record has; 0: none
};

}  // namespace sibp
