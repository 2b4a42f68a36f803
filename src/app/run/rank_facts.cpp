#include "app/run/rank_facts.hpp"

#include "sibp/comm/environment.hpp"
#include "sibp/core/cores.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/process.hpp"
#include "sibp/device/gpu.hpp"

#include "device/checksum.hpp"

#include <fstream>

#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <sys/statvfs.h>

namespace sibp {

NLOHMANN_DEFINE_TYPE_NON_INTRUSIVE(RankFacts, host, cores, host_cores, threads, memory_bytes, free_bytes, shared_bytes,
                                   gpu, processor, mpi, blas, build, advice)

namespace {

/// The text behind the first line "name … : text" of a file; empty if there is none.
std::string value_in(const char* file, std::string_view name) {
  std::ifstream lines(file);
  for (std::string line; std::getline(lines, line);) {
    const auto colon = line.find(':');
    if (!line.starts_with(name) || colon == std::string::npos) continue;
    const auto first = line.find_first_not_of(" \t", colon + 1);
    return first == std::string::npos ? "" : line.substr(first);
  }
  return "";
}

/// A number of kilobytes in /proc/meminfo, in bytes; 0 if it is not there.
double memory(std::string_view name) {
  const std::string text = value_in("/proc/meminfo", name);
  return text.empty() ? 0 : 1024 * std::strtod(text.c_str(), nullptr);
}

double free_shared_memory() {
  struct statvfs file_system {};
  if (statvfs("/dev/shm", &file_system) != 0) return 0;
  return static_cast<double>(file_system.f_bavail) * static_cast<double>(file_system.f_frsize);
}

/// Those that the rank sees.
std::string gpus() {
  const int count = find_gpus().count;
  if (count == 0) return "none";
  const std::string name = describe_gpu(0).name;
  return count == 1 ? name : fmt::format("{} × {}", count, name);
}

/// With a hash of the program's file: ranks with the same one run the same build.
std::string build() {
  return fmt::format("sibp_dist {}, {:016x}, {}", SIBP_VERSION, hash_of(read_file("/proc/self/exe")), gpu_support());
}

}  // namespace

std::string processor_name() {
  const std::string model = value_in("/proc/cpuinfo", "model name");
  return model.empty() ? "unknown" : model;
}

RankFacts facts_of_this_rank(const ThreadPlan& plan, const Device& device) {
  return {.host = host_name(),
          .cores = bound_cores(),
          .host_cores = machine_cores(),
          .threads = plan.threads,
          .memory_bytes = memory("MemTotal"),
          .free_bytes = memory("MemAvailable"),
          .shared_bytes = free_shared_memory(),
          .gpu = gpus(),
          .processor = processor_name(),
          .mpi = mpi_library(),
          .blas = device.description(),
          .build = build(),
          .advice = cpu_device_advice().value_or("")};
}

std::vector<RankFacts> gather_facts(const RankFacts& mine, const Communicator& world) {
  const std::string text = nlohmann::json(mine).dump(-1, ' ', true, nlohmann::json::error_handler_t::replace);
  std::vector<RankFacts> all;
  all.reserve(static_cast<std::size_t>(world.size()));
  for (int q = 0; q < world.size(); ++q)
    all.push_back(nlohmann::json::parse(world.broadcast(text, q)).get<RankFacts>());
  return all;
}

}  // namespace sibp
