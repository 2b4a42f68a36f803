#pragma once

#include "sibp/trainer/averaged_weights.hpp"
#include "sibp/trainer/checkpointer.hpp"
#include "sibp/trainer/training_state.hpp"

#include <functional>

namespace sibp {

/// Where a training starts, and what goes along with it beside the training itself. Equal on all ranks but for what is
/// marked.
struct TrainingControl {
  TrainingState start{};                 ///< as of a checkpoint, to go on from it
  Index check_every = 0;                 ///< steps between comparisons of the weights over ranks; 0: none
  bool keeps_checkpoints = false;        ///< whether rank 0 has a checkpointer
  Index checkpoint_every = 0;            ///< steps between checkpoints; 0: as the checkpointer's clock says
  Measure keep_best = Measure::none;     ///< the checkpoint with the best value of it is kept too
  Checkpointer* checkpointer = nullptr;  ///< rank 0 alone
  BlockWriter* blocks = nullptr;         ///< that of the checkpointer, on all ranks; null: there is none
  AveragedWeights* average = nullptr;    ///< the rule's, to be evaluated as well; null: there is none
  std::function<bool()> stop_requested =
      nullptr;  ///< asked on every rank for itself: whether to stop here; null: never
};

}  // namespace sibp
