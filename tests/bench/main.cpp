#include "sibp/comm/environment.hpp"

#include <benchmark/benchmark.h>

int main(int argc, char** argv) {
  sibp::MpiEnvironment environment(argc, argv);
  benchmark::Initialize(&argc, argv);
  if (benchmark::ReportUnrecognizedArguments(argc, argv)) return 2;
  benchmark::RunSpecifiedBenchmarks();
  benchmark::Shutdown();
  environment.finish();
}
