#pragma once

#include "sibp/app/cli/options.hpp"
#include "sibp/core/error.hpp"

#include <initializer_list>
#include <string>
#include <vector>

namespace sibp::test {

/// Options from the words after the program's name.
inline Options parse(std::initializer_list<std::string> words, const Environment& environment = {}) {
  std::vector<const char*> argv{"sibp_dist"};
  for (const std::string& word : words) argv.push_back(word.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data(), environment);
}

/// The message of the usage error that parsing ends with; a description of what happened instead if it does not.
inline std::string error_of(std::initializer_list<std::string> words, const Environment& environment = {}) {
  try {
    parse(words, environment);
  } catch (const Error& error) {
    return error.status() == ExitStatus::usage ? error.what() : std::string("wrong status: ") + error.what();
  }
  return "no error";
}

}  // namespace sibp::test
