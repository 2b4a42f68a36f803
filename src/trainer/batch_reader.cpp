#include "sibp/trainer/batch_reader.hpp"

#include "sibp/core/random.hpp"

#include <algorithm>
#include <condition_variable>
#include <exception>
#include <mutex>
#include <thread>
#include <utility>

namespace sibp {

/// The thread, and the batch that it and its owner pass to and fro: whoever's turn it is may use `inputs_`.
class BatchReader::Worker {
 public:
  Worker(Device& device, SampleOrder& order, const SampleStore& samples, const DeviceNormalisation& normalisation,
         Index capacity, Augmenter augmenter, std::uint64_t seed)
      : device_(device),
        order_(order),
        samples_(samples),
        normalisation_(normalisation),
        augmenter_(std::move(augmenter)),
        seed_(seed),
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

  void take(InputBuffer& inputs) {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [this] { return turn_ == Turn::owner; });
    if (failure_) std::rethrow_exception(failure_);
    require(inputs.capacity() == inputs_.capacity(), "the inputs are of another capacity");
    std::swap(inputs, inputs_);
  }

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
    const std::span<const Index> numbers = order_.local_numbers(epoch_, batch_);
    inputs_.set_samples(static_cast<Index>(columns.size()));
    std::ranges::copy(order_.local_positions(epoch_, batch_), inputs_.places().begin());
    const std::uint64_t key = random_stream(seed_, Stream::dropout, static_cast<std::uint64_t>(epoch_))();
    std::ranges::transform(numbers, inputs_.keys().begin(),
                           [key](Index number) { return SmallStream(key, static_cast<std::uint64_t>(number))(); });
    device_.load_batch(samples_, columns, normalisation_.shift.view(), normalisation_.scale.view(), inputs_.values(),
                       inputs_.labels(), augmenter_.changes(epoch_, numbers));
  }

  Device& device_;
  SampleOrder& order_;
  const SampleStore& samples_;
  const DeviceNormalisation& normalisation_;
  Augmenter augmenter_;
  std::uint64_t seed_;
  InputBuffer inputs_;
  Index epoch_ = 0;
  Index batch_ = 0;
  std::exception_ptr failure_;
  std::mutex mutex_;
  std::condition_variable changed_;
  Turn turn_ = Turn::owner;
  std::thread thread_;  // last: it uses what is above
};

BatchReader::BatchReader(Device& device, SampleOrder& order, const SampleStore& samples,
                         const DeviceNormalisation& normalisation, Index capacity, Augmenter augmenter,
                         std::uint64_t seed)
    : worker_(std::make_unique<Worker>(device, order, samples, normalisation, capacity, std::move(augmenter), seed)) {
}

BatchReader::~BatchReader() = default;

void BatchReader::start(Index epoch, Index batch) {
  worker_->start(epoch, batch);
}

void BatchReader::take(InputBuffer& inputs) {
  worker_->take(inputs);
}

}  // namespace sibp
