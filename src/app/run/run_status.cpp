#include "sibp/app/run/run_status.hpp"

#include "sibp/app/run/run_folder.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/process.hpp"
#include "sibp/trainer/checkpoint.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>
#include <random>
#include <stop_token>
#include <system_error>
#include <utility>

#include <fmt/chrono.h>
#include <fmt/format.h>
#include <nlohmann/json.hpp>
#include <spdlog/spdlog.h>
#include <unistd.h>

namespace sibp {
namespace {

constexpr const char* status_name = "status.json";
constexpr std::uintmax_t largest_status = 1'000'000;  // bytes

/// Whether it is the place of a checkpoint, from its run's folder.
bool is_checkpoint_of_a_run(const std::filesystem::path& path) {
  return path.parent_path() == RunFolder::checkpoints_name && step_of_name(path.filename().string()) >= 0;
}

nlohmann::ordered_json to_json(const Best& best) {
  if (best.step < 0) return {};
  const CheckpointFolder checkpoints(RunFolder::checkpoints_name);
  return {{"measure", name_of(best.measure)},
          {"value", best.value},
          {"step", best.step},
          {"checkpoint", checkpoints.path_of(best.step).string()}};
}

std::string name_of_end(ExitStatus status) {
  if (status == ExitStatus::done) return "done";
  return status == ExitStatus::stopped ? "stopped" : "failed";
}

}  // namespace

std::optional<WrittenStatus> read_status(const std::filesystem::path& folder) {
  const auto path = folder / status_name;
  std::string text;
  try {
    text = read_file(path, largest_status);
  } catch (const std::system_error& error) {
    if (error.code() == std::errc::no_such_file_or_directory) return std::nullopt;
    throw Error(ExitStatus::runtime, error.what());
  }
  try {
    const auto object = nlohmann::json::parse(text);
    const auto text_of = [&](const char* key) {
      const auto found = object.find(key);
      return found == object.end() || found->is_null() ? std::string() : found->get<std::string>();
    };
    const auto whole = [&](const char* key) {
      const auto found = object.find(key);
      return found == object.end() || !found->is_number_integer() ? std::int64_t{-1} : found->get<std::int64_t>();
    };
    const auto number = [&](const char* key) {
      const auto found = object.find(key);
      return found == object.end() || !found->is_number() ? std::nan("") : found->get<double>();
    };
    object.at("state").get<std::string>();
    const std::int64_t exit_status = whole("exit_status");
    WrittenStatus status{.run = text_of("run"),
                         .state = text_of("state"),
                         .checkpoint = text_of("checkpoint"),
                         .progress = {.step = std::max<std::int64_t>(whole("step"), 0),
                                      .steps = std::max<std::int64_t>(whole("steps"), 0),
                                      .loss = number("batch_loss"),
                                      .samples_per_second = number("samples_per_second"),
                                      .seconds_left = number("seconds_left")},
                         .exit_status = exit_status < 0 ? std::nullopt : std::optional<int>(exit_status & 0xff),
                         .message = text_of("message"),
                         .host = text_of("host"),
                         .process = std::max<std::int64_t>(whole("process"), 0)};
    const bool has_name = status.run.empty() || is_run_name(status.run);
    if (has_name && (status.checkpoint.empty() || is_checkpoint_of_a_run(status.checkpoint))) return status;
  } catch (const nlohmann::json::exception&) {
    // Its message may quote megabytes of the file.
  }
  throw_model_error(fmt::format("{} is not as sibp_dist writes it; remove it to go on without it", path.string()));
}

std::string new_run_name() {
  std::random_device device;
  return fmt::format("{:08x}{:08x}{:08x}{:08x}", device(), device(), device(), device());
}

RunStatus::RunStatus(std::filesystem::path folder, std::string run) : folder_(std::move(folder)), run_(std::move(run)) {
}

void RunStatus::running() {
  write();
}

void RunStatus::checkpoint_written(const std::filesystem::path& checkpoint) {
  {
    const std::lock_guard lock(mutex_);
    checkpoint_ = checkpoint.lexically_relative(folder_).string();
  }
  write();
}

void RunStatus::set_best(const Best& best) {
  const std::lock_guard lock(mutex_);
  best_ = best;
}

void RunStatus::set_progress(const ProgressState& progress) {
  const std::lock_guard lock(mutex_);
  progress_ = progress;
}

void RunStatus::ended(ExitStatus status, const std::string& message) {
  refresher_.request_stop();
  {
    const std::lock_guard lock(mutex_);
    state_ = name_of_end(status);
    exit_status_ = static_cast<int>(status);
    message_ = message;
  }
  write();
}

void RunStatus::refresh_every(std::chrono::milliseconds period) {
  const auto refresh = [this, period](const std::stop_token& stop) {
    std::mutex alone;
    std::unique_lock lock(alone);
    while (!wake_.wait_for(lock, stop, period, [&] { return stop.stop_requested(); })) write();
  };
  try {
    refresher_ = std::jthread(refresh);
  } catch (const std::system_error& error) {
    spdlog::warn("the state of the run is not refreshed while it trains: {}", error.what());
  }
}

std::string RunStatus::text() const {
  const std::lock_guard lock(mutex_);
  const auto unless = [](bool is_unknown, const auto& value) {
    return is_unknown ? nlohmann::ordered_json() : nlohmann::ordered_json(value);
  };
  const bool has_stepped = progress_.steps > 0;
  nlohmann::ordered_json object;
  object["state"] = state_;
  object["exit_status"] = unless(exit_status_ < 0, exit_status_);
  object["step"] = progress_.step;
  object["steps"] = unless(!has_stepped, progress_.steps);
  object["batch_loss"] = unless(!has_stepped, progress_.loss);
  object["samples_per_second"] = unless(progress_.samples_per_second <= 0, progress_.samples_per_second);
  object["seconds_left"] = unless(!has_stepped, progress_.seconds_left);  // null where it is not finite
  object["message"] = message_;
  object["checkpoint"] = unless(checkpoint_.empty(), checkpoint_);
  object["best"] = to_json(best_);
  object["run"] = unless(run_.empty(), run_);
  object["host"] = host_name();
  object["process"] = ::getpid();
  object["time"] = fmt::format("{:%Y-%m-%dT%H:%M:%SZ}", fmt::gmtime(std::time(nullptr)));
  return object.dump(1, ' ', false, nlohmann::json::error_handler_t::replace) + "\n";
}

void RunStatus::write() {
  const std::lock_guard lock(writing_);
  try {
    write_file_whole(folder_ / status_name, text());
  } catch (const std::exception& error) {
    spdlog::warn("the state of the run is not written down: {}", error.what());
  }
}

}  // namespace sibp
