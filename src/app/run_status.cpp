#include "sibp/app/run_status.hpp"

#include "sibp/core/file.hpp"
#include "sibp/core/process.hpp"

#include <ctime>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

std::string name_of_end(ExitStatus status) {
  if (status == ExitStatus::done) return "done";
  return status == ExitStatus::stopped ? "stopped" : "failed";
}

}  // namespace

RunStatus::RunStatus(std::filesystem::path folder) : folder_(std::move(folder)) {
}

void RunStatus::running() {
  const std::lock_guard lock(mutex_);
  write();
}

void RunStatus::checkpoint_written(const std::filesystem::path& checkpoint) {
  const std::lock_guard lock(mutex_);
  checkpoint_ = checkpoint.lexically_relative(folder_).string();
  write();
}

void RunStatus::ended(ExitStatus status, const std::string& message) {
  const std::lock_guard lock(mutex_);
  state_ = name_of_end(status);
  exit_status_ = static_cast<int>(status);
  message_ = message;
  write();
}

void RunStatus::write() {
  nlohmann::ordered_json object;
  object["state"] = state_;
  object["exit_status"] = exit_status_ < 0 ? nlohmann::ordered_json() : nlohmann::ordered_json(exit_status_);
  object["step"] = step_.load(std::memory_order_relaxed);
  object["message"] = message_;
  object["checkpoint"] = checkpoint_.empty() ? nlohmann::ordered_json() : nlohmann::ordered_json(checkpoint_);
  object["host"] = host_name();
  object["process"] = ::getpid();
  object["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  try {
    write_file_whole(folder_ / "status.json",
                     object.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n");
  } catch (const std::exception& error) {
    spdlog::warn("the state of the run is not written down: {}", error.what());
  }
}

}  // namespace sibp
