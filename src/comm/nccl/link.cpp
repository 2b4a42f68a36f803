#include "comm/nccl/link.hpp"

#include "sibp/core/error.hpp"

#include "device/cuda_stream.hpp"

#include <exception>
#include <thread>

#include <fmt/format.h>

namespace sibp::cuda {
namespace {

/// The device's stream, with its GPU made current for what follows.
cudaStream_t enter(Device& device) {
  make_current(device);
  return stream_of(device);
}

/// Of the streams of this GPU the one that goes first: a collective that waits keeps other ranks waiting.
Stream make_urgent_stream() {
  int least = 0;
  int greatest = 0;
  check(cudaDeviceGetStreamPriorityRange(&least, &greatest), "cudaDeviceGetStreamPriorityRange");
  return make_stream(greatest);
}

/// NCCL's name for the job, made on rank 0. If that fails, all ranks learn of it.
struct Invitation {
  ncclUniqueId id{};
  ncclResult_t result = ncclSuccess;
};

Invitation invite(CommunicatorBackend& host) {
  Invitation invitation;
  if (host.rank() == 0) invitation.result = ncclGetUniqueId(&invitation.id);
  host.broadcast(&invitation, sizeof(invitation), ElementType::byte, 0);
  return invitation;
}

/// Whether the peers or the network are to blame, so that trying again is sensible.
bool is_loss(ncclResult_t result) {
  return result == ncclRemoteError || result == ncclSystemError;
}

}  // namespace

NcclLink::NcclLink(CommunicatorBackend& host, Device& device, double patience)
    : compute_(enter(device)),
      ranks_(host.size()),
      patience_(patience),
      stream_(make_urgent_stream()),
      watch_(stream_.get()) {
  const Invitation invitation = invite(host);
  if (invitation.result != ncclSuccess) fail("ncclGetUniqueId", invitation.result);
  ncclConfig_t config = NCCL_CONFIG_INITIALIZER;
  config.blocking = 0;
  settle("ncclCommInitRankConfig", ncclCommInitRankConfig(&comm_, ranks_, invitation.id, host.rank(), &config));
}

NcclLink::~NcclLink() {
  if (comm_ == nullptr) return;
  // Destroying waits for the other ranks: a rank that an error is taking down must not.
  if (std::uncaught_exceptions() != 0) {
    give_up();
    return;
  }
  try {
    settle("ncclCommFinalize", ncclCommFinalize(comm_));
    (void)ncclCommDestroy(comm_);
  } catch (const Error&) {
    // Whoever gives the communicator back has all its results: nothing is lost with it.
  }
}

void NcclLink::wait_for_device() {
  order(compute_, stream_.get(), between_);
}

void NcclLink::mark(const Event& done) {
  check(cudaEventRecord(done.get(), stream_.get()), "cudaEventRecord");
}

void NcclLink::let_device_wait(const Event& done) {
  check(cudaStreamWaitEvent(compute_, done.get(), 0), "cudaStreamWaitEvent");
}

void NcclLink::wait_for_all() {
  mark(between_);
  while (!is_done(cudaEventQuery(between_.get()), "an operation between GPUs")) poll();
}

void NcclLink::poll() {
  if (comm_ == nullptr) return;  // an error is under way already
  ncclResult_t state = ncclSuccess;
  const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
  if (asked != ncclSuccess) fail("ncclCommGetAsyncError", asked);
  if (!is_sound(state)) fail("a collective of NCCL", state);
  const double seconds = watch_.seconds_without_progress();
  if (patience_ == 0 || seconds < patience_) return;
  give_up();
  throw Error(ExitStatus::stalled,
              fmt::format("no progress in a collective between the GPUs for {:.0f} s: another rank is lost or far "
                          "behind; see its messages, or raise `stall_timeout`",
                          seconds));
}

void NcclLink::settle(const char* name, ncclResult_t result) {
  const auto start = std::chrono::steady_clock::now();
  ncclResult_t state = result;
  while (state == ncclInProgress) {
    std::this_thread::yield();  // NCCL works on in a thread of its own
    const ncclResult_t asked = ncclCommGetAsyncError(comm_, &state);
    if (asked != ncclSuccess) fail("ncclCommGetAsyncError", asked);
    const double seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
    if (state != ncclInProgress || patience_ == 0 || seconds < patience_) continue;
    give_up();
    throw Error(ExitStatus::stalled, fmt::format("{} did not end within {:.0f} s: another rank is lost; see its "
                                                 "messages, or raise `stall_timeout`",
                                                 name, seconds));
  }
  if (state != ncclSuccess) fail(name, state);
}

void NcclLink::fail(const char* name, ncclResult_t result) {
  const std::string message = fmt::format("{} failed: {} ({}); NCCL_DEBUG=WARN in the environment shows more", name,
                                          ncclGetErrorString(result), ncclGetLastError(comm_));
  give_up();
  throw Error(is_loss(result) ? ExitStatus::stalled : ExitStatus::runtime, message);
}

void NcclLink::give_up() {
  if (comm_ != nullptr) (void)ncclCommAbort(comm_);
  comm_ = nullptr;
}

}  // namespace sibp::cuda
