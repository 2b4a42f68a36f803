// NCCL over MPI. A collective takes place between the ranks when it is asked for, after what is before it on its
// stream; its result arrives on the stream.
#include "emulation/streams.hpp"

#include <cstring>
#include <memory>
#include <vector>

#include <mpi.h>
#include <nccl.h>

namespace {

using sibp::emulation::finish;
using sibp::emulation::queue;

int rank_of_job() {
  int rank = 0;
  MPI_Comm_rank(MPI_COMM_WORLD, &rank);
  return rank;
}

std::size_t bytes_of(ncclDataType_t type) {
  return type == ncclFloat32 ? 4 : 8;
}
MPI_Datatype mpi_type(ncclDataType_t type) {
  return type == ncclFloat32 ? MPI_FLOAT : MPI_DOUBLE;
}

/// A copy of what is sent, as it is when the collective's turn on the stream has come.
std::vector<char> sent(const void* from, std::size_t bytes, cudaStream_t stream) {
  finish(stream);
  std::vector<char> copy(bytes);
  if (bytes > 0) std::memcpy(copy.data(), from, bytes);
  return copy;
}

void deliver(std::vector<char> result, void* to, cudaStream_t stream) {
  queue(stream, [result = std::move(result), to] {
    if (!result.empty()) std::memcpy(to, result.data(), result.size());
  });
}

}  // namespace

extern "C" {

ncclResult_t ncclGetVersion(int* version) {
  *version = 22800;
  return ncclSuccess;
}
ncclResult_t ncclGetUniqueId(ncclUniqueId* id) {
  std::memset(id, 7, sizeof(*id));
  return ncclSuccess;
}
ncclResult_t ncclCommInitRankConfig(ncclComm_t* comm, int, ncclUniqueId, int, ncclConfig_t* config) {
  static int somewhere = 0;
  *comm = reinterpret_cast<ncclComm_t>(&somewhere);
  return config->blocking == 0 ? ncclInProgress : ncclInvalidArgument;
}
ncclResult_t ncclCommGetAsyncError(ncclComm_t, ncclResult_t* state) {
  static int asked = 0;
  *state = ++asked % 3 == 0 ? ncclSuccess : ncclInProgress;  // takes its time
  return ncclSuccess;
}
ncclResult_t ncclCommFinalize(ncclComm_t) {
  return ncclInProgress;
}
ncclResult_t ncclCommDestroy(ncclComm_t) {
  return ncclSuccess;
}
ncclResult_t ncclCommAbort(ncclComm_t) {
  return ncclSuccess;
}
const char* ncclGetErrorString(ncclResult_t) {
  return "an error of the emulation";
}
const char* ncclGetLastError(ncclComm_t) {
  return "";
}
ncclResult_t ncclGroupStart() {
  return ncclSuccess;
}
ncclResult_t ncclGroupEnd() {
  return ncclInProgress;
}

ncclResult_t ncclAllReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t, ncclComm_t,
                           cudaStream_t stream) {
  auto values = sent(from, count * bytes_of(type), stream);
  MPI_Allreduce(MPI_IN_PLACE, values.data(), static_cast<int>(count), mpi_type(type), MPI_SUM, MPI_COMM_WORLD);
  deliver(std::move(values), to, stream);
  return ncclInProgress;
}
ncclResult_t ncclBroadcast(const void* from, void* to, std::size_t count, ncclDataType_t type, int root, ncclComm_t,
                           cudaStream_t stream) {
  auto values = sent(from, count * bytes_of(type), stream);
  MPI_Bcast(values.data(), static_cast<int>(count), mpi_type(type), root, MPI_COMM_WORLD);
  deliver(std::move(values), to, stream);
  return ncclInProgress;
}
ncclResult_t ncclReduce(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t, int root,
                        ncclComm_t, cudaStream_t stream) {
  auto values = sent(from, count * bytes_of(type), stream);
  std::vector<char> result(values.size());
  MPI_Reduce(values.data(), result.data(), static_cast<int>(count), mpi_type(type), MPI_SUM, root, MPI_COMM_WORLD);
  if (rank_of_job() == root) deliver(std::move(result), to, stream);
  return ncclInProgress;
}
ncclResult_t ncclAllGather(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclComm_t,
                           cudaStream_t stream) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const auto values = sent(from, count * bytes_of(type), stream);
  std::vector<char> result(values.size() * static_cast<std::size_t>(ranks));
  const int n = static_cast<int>(count);
  MPI_Allgather(values.data(), n, mpi_type(type), result.data(), n, mpi_type(type), MPI_COMM_WORLD);
  deliver(std::move(result), to, stream);
  return ncclInProgress;
}
ncclResult_t ncclReduceScatter(const void* from, void* to, std::size_t count, ncclDataType_t type, ncclRedOp_t,
                               ncclComm_t, cudaStream_t stream) {
  int ranks = 0;
  MPI_Comm_size(MPI_COMM_WORLD, &ranks);
  const auto values = sent(from, count * bytes_of(type) * static_cast<std::size_t>(ranks), stream);
  std::vector<char> result(count * bytes_of(type));
  MPI_Reduce_scatter_block(values.data(), result.data(), static_cast<int>(count), mpi_type(type), MPI_SUM,
                           MPI_COMM_WORLD);
  deliver(std::move(result), to, stream);
  return ncclInProgress;
}

}  // extern "C"
