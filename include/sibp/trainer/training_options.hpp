#pragma once

#include <cstdint>
#include <optional>

#include "sibp/core/types.hpp"

namespace sibp {

/// The proximal weight λ of a layer (paper, equation of the W-update; see update/semi_implicit.hpp).
struct Damping {
  enum class Kind {
    relative,  ///< λ_i = ρ · trace(A_i) / (n_{i−1} + 1): free of batch size, scaling and width
    absolute,  ///< λ_i = λ on the summed A_i, as in the paper
  };
  Kind kind = Kind::relative;
  double value = 1;  ///< ρ or λ, > 0
};

/// Which weights carry the difference backward: D_{i−1} = W_iᵀ S_i.
enum class Carry { new_weights, old_weights };

/// How η changes over the run, after the warm-up.
enum class Schedule {
  linear,    ///< to zero at the end of the run
  constant,  ///< stays
  cosine,    ///< to zero along half a cosine
};

/// Everything that decides which weights come out of a run, beside the data and the network.
struct TrainingOptions {
  std::optional<double> eta;        ///< step size on the neurons, > 0; absent: min(1, 4 / layers)
  Damping damping;
  Carry carry = Carry::new_weights;
  Schedule schedule = Schedule::linear;
  Index warmup_steps = 0;           ///< η rises linearly over these steps first
  Index batch = 100;                ///< global batch M, samples over all ranks
  Index epochs = 5;                 ///< passes over the training set; used unless `steps` is given
  std::optional<Index> steps;       ///< updates, instead of epochs
  Index logical_shards = 64;        ///< V
  std::uint64_t seed = 1;
  Index log_every = 100;            ///< steps between records of the training loss; 0: evaluations only
  Index evaluate_every = 0;         ///< steps between evaluations; 0: once an epoch
};

}  // namespace sibp
