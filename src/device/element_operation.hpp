#pragma once

#include "device/cpu_loops.hpp"
#include "device/cuda_element_kernel.hpp"

namespace sibp {

/// work(r, c) for every element of a rows × cols matrix, for work of any type: the loop and the kernel for it. Refers
/// to the work that it is made of.
class ElementOperation {
 public:
  template <class Work>
  ElementOperation(Index rows, Index cols, const Work& work)
      : rows_(rows), cols_(cols), work_(&work), loop_(&loop<Work>), kernel_(&kernel<Work>) {}

  [[nodiscard]] bool empty() const { return rows_ == 0 || cols_ == 0; }
  /// On the processor, column by column. No element may need what has been written for another.
  void run() const { loop_(*this); }
  /// On a GPU, without waiting for it.
  void queue_on(CUstream_st* stream) const { kernel_(*this, stream); }

 private:
  template <class Work>
  static void loop(const ElementOperation& self) {
    cpu::for_each_element(self.rows_, self.cols_, *static_cast<const Work*>(self.work_));
  }
  template <class Work>
  static void kernel(const ElementOperation& self, CUstream_st* stream) {
    cuda::for_each_element(stream, self.rows_, self.cols_, *static_cast<const Work*>(self.work_));
  }

  Index rows_, cols_;
  const void* work_;
  void (*loop_)(const ElementOperation&);
  void (*kernel_)(const ElementOperation&, CUstream_st*);
};

}  // namespace sibp
