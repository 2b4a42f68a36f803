// Stands in for communication between GPUs in a build without GPU support.
#include "sibp/comm/communicator.hpp"

namespace sibp {

Communicator make_gpu_communicator(const Communicator&, Device&, double) {
  throw Error(ExitStatus::runtime,
              "built without GPU support; configure with -DSIBP_GPU=on where CUDA and NCCL are installed");
}

std::string gpu_communication_library() {
  return {};
}

}  // namespace sibp
