#include <cstdio>

#include <sibp/app/run/training.hpp>
#include <sibp/comm/environment.hpp>

int main(int argc, char** argv) {
  sibp::MpiEnvironment mpi(argc, argv);
  const sibp::FinishedRun run = sibp::train_run({argv + 1, argv + argc}, sibp::make_mpi_communicator());
  std::printf("%s", run.summary.c_str());
  mpi.finish();
}
