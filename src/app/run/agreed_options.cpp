#include "app/run/agreed_options.hpp"

#include "sibp/comm/agreement.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

void agree_on_options(const Options& options, const Communicator& world) {
  const std::string mine = agreed(world, [&] { return to_ini(options) + rest_of_options(options); });
  if (const auto rank = first_other(world, mine))
    throw AgreedError(ExitStatus::disagree,
                      fmt::format("rank {} has other options than rank 0; give the same environment and the same "
                                  "--config file to every node (mpirun -x NAME forwards a variable)",
                                  *rank));
}

}  // namespace

Options agreed_options(int argc, const char* const* argv, const Environment& variables, const Communicator& world) {
  Options options = agreed(world, [&] { return parse_options(argc, argv, variables); });
  agree_on_options(options, world);
  return options;
}

Options options_on_resume(const Options& given, int argc, const char* const* argv, const Environment& variables,
                          const Communicator& world, const Resumption& from) {
  if (!from.from_checkpoint) {
    agreed(world, [&] {
      if (!given.wrong_without_checkpoint.empty()) throw_usage_error(given.wrong_without_checkpoint);
    });
    return given;
  }
  Options options = agreed(world, [&] {
    Options resumed = parse_options(argc, argv, variables, from.config);
    check_same_training(resumed, from.config);
    return resumed;
  });
  agree_on_options(options, world);
  return options;
}

}  // namespace sibp
