#include "sibp/core/cores.hpp"

#include "sibp/core/error.hpp"

#include <memory>

#include <hwloc.h>

namespace sibp {
namespace {

struct Destroy {
  void operator()(hwloc_topology_t topology) const { hwloc_topology_destroy(topology); }
  void operator()(hwloc_bitmap_t set) const { hwloc_bitmap_free(set); }
};
using Topology = std::unique_ptr<hwloc_topology, Destroy>;
using CoreSet = std::unique_ptr<hwloc_bitmap_s, Destroy>;

/// The machine's processing units without its caches, devices and memory, which take most of the time.
Topology load_topology() {
  hwloc_topology_t topology = nullptr;
  require(hwloc_topology_init(&topology) == 0, "hwloc: no memory for the cores of this machine");
  Topology owner(topology);
  hwloc_topology_set_all_types_filter(topology, HWLOC_TYPE_FILTER_KEEP_NONE);
  hwloc_topology_set_flags(topology, HWLOC_TOPOLOGY_FLAG_INCLUDE_DISALLOWED);  // those of other jobs too
  require(hwloc_topology_load(topology) == 0, "hwloc cannot tell the cores of this machine");
  return owner;
}

}  // namespace

std::vector<int> bound_cores() {
  const Topology topology = load_topology();
  const CoreSet bound(hwloc_bitmap_alloc());
  require(bound != nullptr, "hwloc: no memory for the cores of this process");
  hwloc_const_bitmap_t set = bound.get();
  if (hwloc_get_cpubind(topology.get(), bound.get(), HWLOC_CPUBIND_PROCESS) != 0)
    set = hwloc_topology_get_allowed_cpuset(topology.get());  // a system without binding
  std::vector<int> cores;
  for (int core = hwloc_bitmap_first(set); core >= 0; core = hwloc_bitmap_next(set, core)) cores.push_back(core);
  require(!cores.empty(), "hwloc finds no core for this process");
  return cores;
}

int machine_cores() {
  return hwloc_get_nbobjs_by_type(load_topology().get(), HWLOC_OBJ_PU);
}

}  // namespace sibp
