#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/app/run/resume.hpp"
#include "sibp/comm/communicator.hpp"

namespace sibp {

/// The options of a command line, the same on every rank: mpirun forwards neither every variable nor files, so ranks
/// may have been told different things. Collective. Throws AgreedError: usage, or disagree naming the first rank that
/// differs.
Options agreed_options(int argc, const char* const* argv, const Environment& variables, const Communicator& world);

/// The options with those of a checkpoint behind them, if the training goes on from one. Collective. Throws as above.
Options options_on_resume(const Options& given, int argc, const char* const* argv, const Environment& variables,
                          const Communicator& world, const Resumption& from);

}  // namespace sibp
