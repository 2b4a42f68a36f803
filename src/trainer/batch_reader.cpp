#include "sibp/trainer/batch_reader.hpp"

#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace sibp {

/// The thread, and the batch that it and its owner pass to and fro: whoever's turn it is may use `inputs_` and
/// `members_`.
class BatchReader::Worker {
 public:
  Worker(Device& device, SampleOrder& order, const SampleStore& samples, const DeviceNormalisation& normalisation,
         Index capacity, Augmenter augmenter)
      : device_(device),
        order_(order),
        samples_(samples),
        normalisation_(normalisation),
        augmenter_(std::move(augmenter)),
        inputs_(device, samples.features(), capacity),
        thread_([this] { serve(); }) {}
  Worker(const Worker&) = delete;
  Worker& operator=(const Worker&) = delete;
  ~Worker() {
    hand_over(Turn::end);
    thread_.join();
  }

  void start(Index epoch, Index batch) {
    epoch_ = epoch;
    batch_ = batch;
    hand_over(Turn::reader);
  }

  void take(Workspace& workspace) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return turn_ == Turn::owner; });
    if (failure_) std::rethrow_exception(failure_);
    workspace.exchange_inputs(inputs_);
    std::swap(taken_, members_);
  }

  [[nodiscard]] const BatchMembers& members() const { return taken_; }

 private:
  enum class Turn { owner, reader, end };

  void hand_over(Turn turn) {
    {
      const std::lock_guard lock(mutex_);
      turn_ = turn;
    }
    changed_.notify_one();
  }

  void serve() {
    std::unique_lock lock(mutex_);
    while (true) {
      changed_.wait(lock, [this] { return turn_ != Turn::owner; });
      if (turn_ == Turn::end) return;
      lock.unlock();
      try {
        read();
      } catch (...) {
        failure_ = std::current_exception();
      }
      lock.lock();
      if (turn_ == Turn::end) return;
      turn_ = Turn::owner;
      changed_.notify_one();
    }
  }

  void read() {
    const std::span<const Index> columns = order_.local_batch(epoch_, batch_);
    const std::span<const Index> positions = order_.local_positions(epoch_, batch_);
    const std::span<const Index> numbers = order_.local_numbers(epoch_, batch_);
    members_.positions.assign(positions.begin(), positions.end());
    members_.numbers.assign(numbers.begin(), numbers.end());
    inputs_.set_samples(static_cast<Index>(columns.size()));
    device_.load_batch(samples_, columns, normalisation_.shift.view(), normalisation_.scale.view(), inputs_.values(),
                       inputs_.labels(), augmenter_.changes(epoch_, numbers));
  }

  Device& device_;
  SampleOrder& order_;
  const SampleStore& samples_;
  const DeviceNormalisation& normalisation_;
  Augmenter augmenter_;
  InputBuffer inputs_;
  BatchMembers members_;  ///< of inputs_
  BatchMembers taken_;    ///< the owner's
  Index epoch_ = 0;
  Index batch_ = 0;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Turn turn_ = Turn::owner;
  std::thread thread_;  // last: it uses what is above
};

BatchReader::BatchReader(Device& device, SampleOrder& order, const SampleStore& samples,
                         const DeviceNormalisation& normalisation, Index capacity, Augmenter augmenter)
    : worker_(std::make_unique<Worker>(device, order, samples, normalisation, capacity, std::move(augmenter))) {
}

BatchReader::~BatchReader() = default;

void BatchReader::start(Index epoch, Index batch) {
  worker_->start(epoch, batch);
}

void BatchReader::take(Workspace& workspace) {
  worker_->take(workspace);
}

const BatchMembers& BatchReader::members() const {
  return worker_->members();
}

}  // namespace sibp
