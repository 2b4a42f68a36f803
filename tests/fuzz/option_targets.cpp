// The readers of options: the file of --config, the command line and the environment.
#include "sibp/app/cli/options.hpp"

#include "app/cli/option_sources.hpp"
#include "fuzz/input.hpp"

#include <algorithm>
#include <sstream>

namespace sibp::fuzz {
namespace {

Options parse(const std::vector<std::string>& words, const Environment& environment) {
  std::vector<const char*> argv{"sibp_dist"};
  for (const auto& word : words) argv.push_back(word.c_str());
  return parse_options(static_cast<int>(argv.size()), argv.data(), environment);
}

/// What the options of a training write down is what they were.
void check_written(const Options& options) {
  if (options.command != Command::train || options.help || options.version) return;
  const auto ini = unless_refused(ExitStatus::usage, [&] { return to_ini(options); });
  if (!ini) return;  // a path that config.ini cannot hold
  const InputFile file(bytes_of(*ini));
  check(to_ini(parse({"--config", file.path()}, {})) == *ini, "config.ini repeats the run");
}

/// Whether the word or variable makes the program read another file than the fuzzer's.
bool names_a_file_to_read(const std::string& line) {
  return line.starts_with("--config") || line.starts_with("SIBP_CONFIG");
}

}  // namespace

void config(Bytes input) {
  const InputFile file(input);
  const auto options = unless_refused(ExitStatus::usage, [&] { return parse({"--config", file.path()}, {}); });
  if (options) check_written(*options);
}

void toml(Bytes input) {
  (void)unless_refused(ExitStatus::usage, [&] { return read_toml_text(text_of(input), "a file"); });
}

void options(Bytes input) {
  std::istringstream lines(text_of(input));
  std::vector<std::string> words;
  Environment environment;
  for (std::string line; std::getline(lines, line);) {
    if (names_a_file_to_read(line)) return;
    const auto equals = line.find('=');
    if (line.starts_with("SIBP_") && equals != std::string::npos) {
      environment.emplace(line.substr(0, equals), line.substr(equals + 1));
    } else {
      words.push_back(line);
    }
  }
  const auto options = unless_refused(ExitStatus::usage, [&] { return parse(words, environment); });
  if (options) check_written(*options);
}

}  // namespace sibp::fuzz
