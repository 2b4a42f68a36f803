// What libFuzzer calls again and again; CMake says which target SIBP_FUZZ_TARGET is.
#include "fuzz/targets.hpp"

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  sibp::fuzz::SIBP_FUZZ_TARGET({data, size});
  return 0;
}
