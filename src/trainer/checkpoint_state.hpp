#pragma once

#include "sibp/trainer/checkpoint.hpp"

#include <string>

#include <nlohmann/json_fwd.hpp>

namespace sibp {

/// state.json: all of a checkpoint but its tensors and its config.ini. Local.
std::string to_state_text(const Checkpoint& checkpoint);

/// Reads it back. Local. Throws Error (model) or an exception of the parser's if something is not as it was written.
void read_state(const nlohmann::json& object, Checkpoint& checkpoint);

}  // namespace sibp
