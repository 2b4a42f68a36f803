// After its first steps training allocates no memory: this program counts every use of operator new.
#include "sibp/update/published.hpp"

#include "device/cpu_device.hpp"
#include "support/step_fixture.hpp"

#include <atomic>
#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace {

std::atomic<long> allocations = 0;
std::atomic<long> releases = 0;
std::atomic<std::size_t> allocated_bytes = 0;

void* counted(std::size_t bytes) {
  ++allocations;
  allocated_bytes += bytes;
  if (void* memory = std::malloc(bytes)) return memory;
  throw std::bad_alloc();
}

void free_counted(void* memory) {
  if (memory != nullptr) ++releases;
  std::free(memory);
}

}  // namespace

void* operator new(std::size_t bytes) {
  return counted(bytes);
}
void* operator new[](std::size_t bytes) {
  return counted(bytes);
}
// std::stable_sort takes its buffer so.
void* operator new(std::size_t bytes, const std::nothrow_t&) noexcept {
  ++allocations;
  allocated_bytes += bytes;
  return std::malloc(bytes);
}
// Device::allocate takes aligned memory.
void* operator new(std::size_t bytes, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  ++allocations;
  allocated_bytes += bytes;
  const auto unit = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(unit, (bytes + unit - 1) / unit * unit);
}
void operator delete(void* memory, std::align_val_t) noexcept {
  free_counted(memory);
}
void operator delete(void* memory) noexcept {
  free_counted(memory);
}
void operator delete[](void* memory) noexcept {
  free_counted(memory);
}
void operator delete(void* memory, std::size_t) noexcept {
  free_counted(memory);
}
void operator delete[](void* memory, std::size_t) noexcept {
  free_counted(memory);
}

namespace sibp {
namespace {

using namespace testing_support;

/// A processor that has no library for convolutions.
class Unfolding final : public cpu::CpuDevice {
 public:
  Unfolding() : CpuDevice(1) {}
  [[nodiscard]] std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape&) override {
    return nullptr;
  }
};

/// Steps of a network after its first two.
void expect_no_allocations_in_a_step(const Communicator& world, const RankOfStep::MakeRule& make_rule,
                                     std::string_view text = "dense(30,relu) dense(20,tanh) dense(5)",
                                     const TensorShape& input = {1, 1, 40}) {
  const NetworkSpec spec = parse_network(text, input, Loss::softmax_cross_entropy, {});
  RankOfStep rank(world, spec, toy_weights(spec, 3), 64, make_rule, std::make_unique<Unfolding>());
  rank.step(toy_batch(input.size(), 5, 64, 1), 0.1);
  rank.repeat(64, 0.1);
  const long before = allocations;
  for (int step = 0; step < 3; ++step) rank.repeat(64, 0.1);
  EXPECT_EQ(allocations - before, 0);
  EXPECT_GT(before, 20) << "the counter has seen the matrices";
}

class Allocations : public testing::TestWithParam<std::tuple<Form, Carry, SumOptions>> {};

TEST_P(Allocations, AreNoneInAStep) {
  const auto& [form, carry, sums] = GetParam();
  expect_no_allocations_in_a_step(make_mpi_communicator(sums),
                                  [&, &form = form, &carry = carry](const auto& context, const auto& network) {
                                    return make_semi_implicit(context, network, {Damping{}, carry, {form}, {64, 64}});
                                  });
}

TEST(ConvNetAllocations, AreNoneInAStep) {
  MethodOptions every_step = sibp_of_conv_net();
  every_step.convolution.refresh.every = 1;
  for (const MethodOptions& method : {sibp_of_conv_net(), every_step, default_options(Method::sgd)}) {
    SCOPED_TRACE(name_of(method.method));
    expect_no_allocations_in_a_step(make_mpi_communicator(),
                                    [&](const auto& context, const auto& network) {
                                      return make_update_rule(context, network, method, {64, 64});
                                    },
                                    conv_net, {7, 6, 2});
  }
}

// oneDNN puts the arguments of every call into a list: these are small, and none is kept.
TEST(ConvNetAllocations, OfALibraryAreListsOfArguments) {
  const NetworkSpec spec = parse_network(conv_net, {7, 6, 2}, Loss::softmax_cross_entropy, {});
  const MethodOptions method = sibp_of_conv_net();
  RankOfStep rank(make_mpi_communicator(), spec, toy_weights(spec, 3), 64,
                  [&](const auto& context, const auto& network) {
                    return make_update_rule(context, network, method, {64, 64});
                  });
  rank.step(toy_batch(7 * 6 * 2, 5, 64, 1), 0.1);
  rank.repeat(64, 0.1);
  const long kept = allocations - releases;
  const std::size_t bytes = allocated_bytes;
  rank.repeat(64, 0.1);
  EXPECT_EQ(allocations - releases, kept);
  constexpr std::size_t of_a_call = 4096;
  const std::size_t calls = 3 * spec.maps.size();
  EXPECT_LT(allocated_bytes - bytes, calls * of_a_call);
}

TEST(PublishedAllocations, AreNoneInAStep) {
  expect_no_allocations_in_a_step(make_mpi_communicator(), [](const auto& context, const auto& network) {
    return make_published(context, network, 1);
  });
}

INSTANTIATE_TEST_SUITE_P(Forms, Allocations,
                         testing::Combine(testing::ValuesIn(all_forms()),
                                          testing::Values(Carry::new_weights, Carry::old_weights),
                                          testing::Values(SumOptions{Sums::shared, Wire::float32},
                                                          SumOptions{Sums::library, Wire::float32},
                                                          SumOptions{Sums::library, Wire::bfloat16})));

}  // namespace
}  // namespace sibp
