#include "sibp/app/run/logging.hpp"

#include "sibp/core/printable.hpp"

#include "app/cli/option_names.hpp"

#include <memory>
#include <string>
#include <utility>

#include <fmt/format.h>
#include <spdlog/pattern_formatter.h>
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

/// Messages as people read them: with the names of options, and whatever names of files they quote.
class PrintableMessage final : public spdlog::custom_flag_formatter {
 public:
  void format(const spdlog::details::log_msg& message, const std::tm&, spdlog::memory_buf_t& to) override {
    const std::string text = printable(named_by_options({message.payload.data(), message.payload.size()}));
    to.append(text.data(), text.data() + text.size());
  }
  [[nodiscard]] std::unique_ptr<custom_flag_formatter> clone() const override {
    return spdlog::details::make_unique<PrintableMessage>();
  }
};

}  // namespace

void set_up_logging(LogLevel level, int rank) {
  auto logger = std::make_shared<spdlog::logger>("sibp_dist", std::make_shared<spdlog::sinks::stderr_sink_mt>());
  const bool is_root = rank == 0;
  logger->set_level(spdlog_level(is_root || level == LogLevel::off ? level : LogLevel::error));
  auto formatter = std::make_unique<spdlog::pattern_formatter>();
  formatter->add_flag<PrintableMessage>('v').set_pattern(is_root ? "[%T] [%l] %v"
                                                                 : fmt::format("[%T] [rank {}] [%l] %v", rank));
  logger->set_formatter(std::move(formatter));
  logger->flush_on(spdlog::level::trace);  // a rank may be ended without notice
  spdlog::set_default_logger(std::move(logger));
}

}  // namespace sibp
