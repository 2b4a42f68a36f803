#include "comm/mpi/library_sum.hpp"

#include "comm/mpi/check.hpp"

#include <algorithm>
#include <cstddef>

namespace sibp {
namespace {

template <class T>
void start_sum(std::span<T> data, MPI_Datatype type, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  int rank = 0;
  check(MPI_Comm_rank(ranks, &rank), "MPI_Comm_rank");
  constexpr std::size_t piece = (std::size_t{1} << 22U) / sizeof(T);  // fits the caches: several times faster
  for (std::size_t first = 0; first < data.size(); first += piece) {
    T* const numbers = data.data() + first;
    const auto count = static_cast<int>(std::min(piece, data.size() - first));
    MPI_Request& request = requests.emplace_back();
    if (!root) {
      check(MPI_Iallreduce(MPI_IN_PLACE, numbers, count, type, MPI_SUM, ranks, &request), "MPI_Iallreduce");
    } else if (*root == rank) {
      check(MPI_Ireduce(MPI_IN_PLACE, numbers, count, type, MPI_SUM, *root, ranks, &request), "MPI_Ireduce");
    } else {
      check(MPI_Ireduce(numbers, nullptr, count, type, MPI_SUM, *root, ranks, &request), "MPI_Ireduce");
    }
  }
}

}  // namespace

void start_library_sum(std::span<float> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  start_sum(data, MPI_FLOAT, ranks, root, requests);
}

void start_library_sum(std::span<double> data, MPI_Comm ranks, Root root, std::vector<MPI_Request>& requests) {
  start_sum(data, MPI_DOUBLE, ranks, root, requests);
}

}  // namespace sibp
