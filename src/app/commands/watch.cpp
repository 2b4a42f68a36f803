// The command watch: shows how far a run is, from the files in its folder.
#include "sibp/app/commands/commands.hpp"
#include "sibp/app/run/run_folder.hpp"
#include "sibp/app/run/run_status.hpp"
#include "sibp/core/process.hpp"

#include <cerrno>
#include <chrono>
#include <csignal>
#include <fstream>
#include <iostream>
#include <thread>

#include <fmt/format.h>
#include <unistd.h>

namespace sibp {
namespace {

constexpr std::chrono::milliseconds time_between_looks{500};

/// The records that a run writes, from the last one with an evaluation on that is there at the start.
class Records {
 public:
  explicit Records(const std::filesystem::path& run) : path_(run / RunFolder::metrics_name) {}

  /// Shows those that are new.
  void show_new(ProgressDisplay& display) {
    const auto found = read_new();
    auto first = found.begin();
    if (!has_looked_) {
      for (auto record = found.begin(); record != found.end(); ++record)
        if (record->validation || record->test || record->is_final || record + 1 == found.end()) first = record;
    }
    has_looked_ = has_looked_ || !found.empty();
    for (; first != found.end(); ++first) display.show_record(*first);
  }

 private:
  std::vector<MetricsRecord> read_new() {
    std::error_code missing;
    if (std::filesystem::file_size(path_, missing) < static_cast<std::uintmax_t>(read_))
      read_ = 0;  // a run that went on cut it back
    std::ifstream file(path_);
    file.seekg(read_);
    std::vector<MetricsRecord> records;
    for (std::string line; std::getline(file, line) && !file.eof(); read_ = file.tellg())
      if (const auto record = from_json_line(line)) records.push_back(*record);
    return records;
  }

  std::filesystem::path path_;
  std::streamoff read_ = 0;
  bool has_looked_ = false;
};

/// Whether the process that trains is gone for certain: only its own host can tell.
bool is_gone(const WrittenStatus& status) {
  return status.process > 0 && status.host == host_name() && ::kill(static_cast<pid_t>(status.process), 0) != 0 &&
         errno == ESRCH;
}

WrittenStatus status_of(const std::filesystem::path& run) {
  if (const auto status = read_status(run)) return *status;
  throw_usage_error(
      fmt::format("watch: found no status.json in {}, expected the folder of a run that has started", run.string()));
}

int report_end(const std::filesystem::path& run, const WrittenStatus& status) {
  const int exit_status = status.exit_status.value_or(static_cast<int>(ExitStatus::runtime));
  std::cout << fmt::format("{}: {} at step {}{}{}\n", run.string(), status.state, status.progress.step,
                           exit_status == 0 ? "" : fmt::format(", status {}", exit_status),
                           status.message.empty() || status.message == "done" ? "" : ": " + status.message)
            << std::flush;
  return exit_status;
}

}  // namespace

int run_watch(const Options& options) {
  const auto run = without_trailing_slash(options.watched);
  WrittenStatus status = status_of(run);
  auto display = make_display(resolve_progress(options.progress, ::isatty(STDOUT_FILENO) == 1, false),
                              progress_output(std::cout, STDOUT_FILENO));
  Records records(run);
  while (true) {
    const bool was_gone = is_gone(status);
    status = status_of(run);  // after that question: what the process wrote at its end counts
    if (display && status.progress.steps > 0) display->show(status.progress);
    if (display) records.show_new(*display);
    if (status.state != "running") break;
    if (was_gone)
      throw Error(ExitStatus::stalled,
                  fmt::format("watch: process {} on {}, which trained in {}, is gone and wrote down no end; go on with "
                              "--resume {}",
                              status.process, status.host, run.string(), run.string()));
    std::this_thread::sleep_for(time_between_looks);
  }
  display.reset();
  return report_end(run, status);
}

}  // namespace sibp
