#include "sibp/app/logging.hpp"

#include <memory>

#include <fmt/format.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

namespace sibp {
namespace {

spdlog::level::level_enum spdlog_level(LogLevel level) {
  switch (level) {
    case LogLevel::trace:
      return spdlog::level::trace;
    case LogLevel::debug:
      return spdlog::level::debug;
    case LogLevel::info:
      return spdlog::level::info;
    case LogLevel::warning:
      return spdlog::level::warn;
    case LogLevel::error:
      return spdlog::level::err;
    case LogLevel::off:
      break;
  }
  return spdlog::level::off;
}

}  // namespace

void set_up_logging(LogLevel level, int rank) {
  auto logger = std::make_shared<spdlog::logger>("sibp_dist", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const bool is_root = rank == 0;
  logger->set_level(spdlog_level(is_root || level == LogLevel::off ? level : LogLevel::error));
  logger->set_pattern(is_root ? "[%T] [%l] %v" : fmt::format("[%T] [rank {}] [%l] %v", rank));
  logger->flush_on(spdlog::level::trace);  // a rank may be ended without notice
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace sibp
