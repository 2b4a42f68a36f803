#include "comm/mpi/backend.hpp"

#include "sibp/comm/communicator.hpp"
#include "sibp/core/error.hpp"

#include "comm/mpi/check.hpp"
#include "comm/mpi/matrix_maker.hpp"
#include "comm/mpi/slot.hpp"
#include "comm/mpi/types.hpp"

#include <utility>

namespace sibp {
namespace {

class MpiBackend final : public CommunicatorBackend {
 public:
  MpiBackend(MpiComm owned, const SumOptions& options, SplitIntoNodes split_into_nodes)
      : ranks_(std::move(owned)),
        channel_(ranks_.get(), ranks_.size() > 1 ? options.wire : Wire::float32),
        matrices_(*this, ranks_, sums_under_way_, options, std::move(split_into_nodes)) {
    if (options.sums != Sums::exact) return;
    decide(Sums::exact, "exact, in double by the library's collectives");
  }

  [[nodiscard]] int rank() const override { return ranks_.rank(); }
  [[nodiscard]] int size() const override { return ranks_.size(); }

  void all_reduce(void* data, Index count, ElementType type, Reduction reduction) override {
    check(MPI_Allreduce(MPI_IN_PLACE, data, checked_int(count), mpi_type(type), mpi_op(reduction), ranks_.get()),
          "MPI_Allreduce");
  }
  void broadcast(void* data, Index count, ElementType type, int root) override {
    check(MPI_Bcast(data, checked_int(count), mpi_type(type), root, ranks_.get()), "MPI_Bcast");
  }
  void all_gather(const void* part, Index count, ElementType type, void* gathered) override {
    const int n = checked_int(count);
    check(MPI_Allgather(part, n, mpi_type(type), gathered, n, mpi_type(type), ranks_.get()), "MPI_Allgather");
  }
  void barrier() override { check(MPI_Barrier(ranks_.get()), "MPI_Barrier"); }
  void broadcast_matrix(MatrixView matrix, int root) override {
    broadcast(matrix.data, matrix.size(), ElementTypeOf<Real>::value, root);
  }
  std::unique_ptr<CollectiveSlot> make_slot() override {
    return make_mpi_slot(ranks_, channel_, sums_under_way_, *this);
  }
  std::unique_ptr<AllReduce> make_all_reduce(Device& device, Index rows, Index cols, Root root) override {
    return matrices_.make_all_reduce(device, rows, cols, root);
  }
  std::unique_ptr<ReduceScatter> make_reduce_scatter(Device& device, Index rows, Index cols) override {
    return decision().sums == Sums::exact ? matrices_.make_exact_reduce_scatter(device, rows, cols)
                                          : CommunicatorBackend::make_reduce_scatter(device, rows, cols);
  }
  std::unique_ptr<AllGather> make_all_gather(Device& device, Index elements) override {
    return matrices_.make_all_gather(device, elements);
  }
  void poll() override {
    int flag = 0;  // any call that looks for messages makes the library move its collectives on
    check(MPI_Iprobe(MPI_ANY_SOURCE, MPI_ANY_TAG, ranks_.get(), &flag, MPI_STATUS_IGNORE), "MPI_Iprobe");
    sums_under_way_.advance();
  }

 private:
  MpiComm ranks_;
  SumChannel channel_;  ///< of slots
  SumsUnderWay sums_under_way_;
  MatrixMaker matrices_;
};

}  // namespace

std::shared_ptr<CommunicatorBackend> make_mpi_backend(MpiComm owned, const SumOptions& options,
                                                      SplitIntoNodes split_into_nodes) {
  return std::make_shared<MpiBackend>(std::move(owned), options, std::move(split_into_nodes));
}

Communicator make_mpi_communicator(const SumOptions& options) {
  return Communicator(make_mpi_backend(duplicate(MPI_COMM_WORLD), options, split_into_nodes));
}

Communicator make_self_communicator(const SumOptions& options) {
  return Communicator(make_mpi_backend(duplicate(MPI_COMM_SELF), options, split_into_nodes));
}

Communicator make_node_communicator() {
  return Communicator(make_mpi_backend(split_into_nodes(MPI_COMM_WORLD), {}, split_into_nodes));
}

}  // namespace sibp
