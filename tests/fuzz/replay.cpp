// Runs the targets over the inputs of a corpus, without a fuzzer: `fuzz_replay CORPUS` takes those of CORPUS/TARGET for
// every target, `fuzz_replay TARGET FILE …` these files.
#include "sibp/core/file.hpp"

#include "fuzz/targets.hpp"

#include <algorithm>
#include <cstdio>
#include <exception>
#include <filesystem>
#include <stdexcept>
#include <string>

namespace {

using sibp::fuzz::Target;
using sibp::fuzz::targets;

void replay(const Target& target, const std::filesystem::path& file) {
  std::printf("%s\n", file.c_str());
  std::fflush(stdout);  // the last name is that of the input which ends the process
  const std::string content = sibp::read_file(file);
  target.run({reinterpret_cast<const std::uint8_t*>(content.data()), content.size()});
}

const Target& target_of(const std::string& name) {
  const auto target = std::ranges::find(targets(), name, &Target::name);
  if (target == targets().end()) throw std::runtime_error("no target is called " + name);
  return *target;
}

/// Every folder must have its target and every target some inputs.
void replay_corpus(const std::filesystem::path& corpus) {
  std::size_t folders = 0;
  for (const auto& folder : std::filesystem::directory_iterator(corpus)) {
    const Target& target = target_of(folder.path().filename());
    if (std::filesystem::is_empty(folder)) throw std::runtime_error(folder.path().string() + " is empty");
    for (const auto& file : std::filesystem::directory_iterator(folder)) replay(target, file);
    ++folders;
  }
  if (folders != targets().size()) throw std::runtime_error("a target has no inputs");
}

}  // namespace

int main(int argc, char** argv) {
  if (argc < 2) {
    std::fprintf(stderr, "usage: fuzz_replay CORPUS | fuzz_replay TARGET FILE ...\n");
    return 2;
  }
  try {
    if (argc == 2) replay_corpus(argv[1]);
    for (int k = 2; k < argc; ++k) replay(target_of(argv[1]), argv[k]);
    return 0;
  } catch (const std::exception& error) {
    std::fprintf(stderr, "error: %s\n", error.what());
    return 1;
  }
}
