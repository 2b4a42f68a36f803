#include "fuzz/targets.hpp"

namespace sibp::fuzz {

const std::vector<Target>& targets() {
  static const std::vector<Target> all{{"idx", idx},
                                       {"gzip", gzip},
                                       {"npy", npy},
                                       {"npz", npz},
                                       {"cifar10", cifar10},
                                       {"batch_list", batch_list},
                                       {"safetensors", safetensors},
                                       {"manifest", manifest},
                                       {"state", state},
                                       {"status", status},
                                       {"network", network},
                                       {"config", config},
                                       {"toml", toml},
                                       {"options", options}};
  return all;
}

}  // namespace sibp::fuzz
