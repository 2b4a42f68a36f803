// Leaves memory behind, sends a number that was never set, and reads beyond an array: what valgrind must see in a
// program under mpirun.
#include <cstdio>

#include <mpi.h>

int main(int argc, char** argv) {
  MPI_Init(&argc, &argv);
  int received[4] = {};
  volatile int* numbers = new int[4];
  MPI_Sendrecv(const_cast<int*>(numbers), 4, MPI_INT, 0, 0, received, 4, MPI_INT, 0, 0, MPI_COMM_SELF,
               MPI_STATUS_IGNORE);
  std::printf("%d\n", numbers[4] + 1);
  numbers = nullptr;
  MPI_Finalize();
}
