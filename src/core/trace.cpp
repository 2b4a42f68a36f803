#include "sibp/core/trace.hpp"

#include <vector>

#include <fmt/format.h>

namespace sibp {
namespace {

enum Track { phases, collectives };

struct Event {
  const char* name;
  Track track;
  double begin;    ///< µs since the start
  double length;   ///< µs
  double exposed;  ///< µs, of a collective
};

struct Events {
  std::vector<Event> kept;
  std::size_t most = 0;
  std::size_t lost = 0;
  Trace::Clock::time_point start;

  void add(const Event& event) {
    if (kept.size() < most) {
      kept.push_back(event);
    } else {
      ++lost;
    }
  }
};

Events of_process;

double microseconds(Trace::Clock::duration time) {
  return std::chrono::duration<double, std::micro>(time).count();
}

std::string name_of_track(int rank, Track track) {
  return fmt::format(R"({{"ph":"M","pid":{},"tid":{},"name":"thread_name","args":{{"name":"{}"}}}})", rank,
                     static_cast<int>(track), track == phases ? "phases" : "collectives");
}

}  // namespace

bool Trace::is_on_ = false;

void Trace::start(std::size_t most) {
  of_process = {};
  of_process.kept.reserve(most);
  of_process.most = most;
  of_process.start = Clock::now();
  is_on_ = true;
}

void Trace::stop() {
  is_on_ = false;
  of_process = {};
}

void Trace::add_phase(const char* name, Clock::time_point begin, Clock::time_point end) {
  if (!is_on_ || begin < of_process.start) return;
  of_process.add({name, phases, microseconds(begin - of_process.start), microseconds(end - begin), 0});
}

void Trace::add_collective(const char* name, double hidden, double exposed) {
  if (!is_on_) return;
  const double length = 1e6 * (hidden + exposed);
  of_process.add({name, collectives, microseconds(Clock::now() - of_process.start) - length, length, 1e6 * exposed});
}

std::string Trace::events(int rank) {
  std::string text =
      fmt::format(R"({{"ph":"M","pid":{0},"name":"process_name","args":{{"name":"rank {0}, {1} events lost"}}}})", rank,
                  of_process.lost);
  for (const Track track : {phases, collectives}) text += ",\n" + name_of_track(rank, track);
  for (const Event& event : of_process.kept) {
    text += fmt::format(
        ",\n"
        R"({{"ph":"X","pid":{},"tid":{},"name":"{}","ts":{:.1f},"dur":{:.1f})",
        rank, static_cast<int>(event.track), event.name, event.begin, event.length);
    if (event.track == collectives) text += fmt::format(R"(,"args":{{"exposed":{:.1f}}})", event.exposed);
    text += '}';
  }
  return text;
}

}  // namespace sibp
