#include "app/run/trace_file.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/trace.hpp"

#include <utility>

namespace sibp {

TraceFile::TraceFile(std::filesystem::path path, const Communicator& world) : path_(std::move(path)), world_(world) {
  if (path_.empty()) return;
  constexpr std::size_t most_events = 20'000;
  world_.barrier();
  Trace::start(most_events);
}

TraceFile::~TraceFile() {
  Trace::stop();
}

void TraceFile::write() const {
  if (path_.empty()) return;
  const std::string own = Trace::events(world_.rank());
  std::string all = "[\n";
  for (int rank = 0; rank < world_.size(); ++rank) {
    const std::string events = world_.broadcast(rank == world_.rank() ? own : std::string(), rank);
    if (!world_.is_root()) continue;
    if (rank > 0) all += ",\n";
    all += events;
  }
  agreed(world_, [&] {
    if (world_.is_root()) write_file_whole(path_, all + "\n]\n");
  });
}

}  // namespace sibp
