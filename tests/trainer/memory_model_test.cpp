// The prediction of a rank's memory against what Workspace and the forms of the update allocate. Matrices come from the
// aligned operator new, which is replaced here by one that counts.
#include "sibp/trainer/memory_model.hpp"

#include "sibp/layer/language.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"
#include "sibp/update/semi_implicit.hpp"

#include "support/named_method.hpp"

#include <cstdlib>
#include <new>

#include <gtest/gtest.h>

namespace {
std::size_t allocated_bytes = 0;
}  // namespace

void* operator new(std::size_t size, std::align_val_t alignment, const std::nothrow_t&) noexcept {
  allocated_bytes += size;
  const auto step = static_cast<std::size_t>(alignment);
  return std::aligned_alloc(step, (size + step - 1) / step * step);
}
void operator delete(void* data, std::align_val_t) noexcept {
  std::free(data);
}

namespace sibp {
namespace {

constexpr Index batch = 600;  // more than a workspace has at least, on up to two ranks

NetworkSpec spec() {
  return network_from_widths("70,30", 50, 10, Loss::softmax_cross_entropy, Activation::relu);
}

template <class Make>
double bytes_allocated_by(const Make& make) {
  const std::size_t before = allocated_bytes;
  const auto made = make();
  return static_cast<double>(allocated_bytes - before);
}

/// Maps of all kinds; the residual has a projection.
NetworkSpec conv_net() {
  return parse_network(
      "conv(6,3) norm relu maxpool(2) residual( conv(8,3,stride=2) norm relu dropout(0.1) ) relu meanpool dense(9) "
      "gelu "
      "dense(5)",
      TensorShape{10, 9, 3}, Loss::softmax_cross_entropy, Activation::relu);
}

StepShape shape_of(const MethodOptions& method, int ranks) {
  TrainingOptions options;
  options.method = method;
  options.batch = batch;
  return step_shape(options, ranks);
}

RankMemory predicted(const std::vector<Form>& forms, int ranks) {
  return predict_memory(spec(), forms, {batch, ranks}, 0);
}

TEST(MemoryModel, CountsTheMatricesOfAWorkspace) {
  const auto device = make_cpu_device(1);
  const int ranks = make_mpi_communicator().size();
  const Index capacity = workspace_capacity(spec(), (batch + ranks - 1) / ranks);
  Network network = make_network(*device, spec(), {}, 1);
  double bytes = bytes_allocated_by([&] { return Workspace(*device, make_self_communicator(), network, capacity); });
  bytes += bytes_allocated_by([&] { return InputBuffer(*device, spec().inputs(), capacity); });  // read ahead
  const double labels = static_cast<double>(capacity) * sizeof(std::int32_t);
  EXPECT_EQ(predicted(std::vector<Form>(3, Form::dual), ranks).workspace, bytes + 2 * labels);
}

/// `sample`: A is of every so many-th sample.
void expect_matrices_are_counted(Form form, Index sample) {
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  const UpdateContext context{*device, make_mpi_communicator(), clock};
  const int ranks = context.communicator.size();
  (void)context.communicator.make_all_reduce(*device, 1, 1);  // the first makes a trial, which takes memory of its own
  ProximalOptions options{{}, Carry::new_weights, {form}, {batch, (batch + ranks - 1) / ranks}};
  options.sample = sample;
  std::int64_t shared = 0;  // matrices in memory that ranks share
  const double own = bytes_allocated_by([&] {
    auto rule = make_semi_implicit(context, spec(), options);
    shared = context.communicator.shared_bytes();
    return rule;
  });
  const double bytes = own + static_cast<double>(shared);
  // Of rows that do not divide evenly, the rank that has most has one row of one layer more.
  const double most = context.communicator.max(bytes);
  const StepShape shape{.batch = batch, .ranks = ranks, .gram_sample = sample};
  EXPECT_EQ(predict_memory(spec(), std::vector<Form>(3, form), shape, 0).update, most) << name_of(form);
}

TEST(MemoryModel, CountsTheMatricesOfEachForm) {
  for (const Form form : all_forms()) expect_matrices_are_counted(form, 1);
}

TEST(MemoryModel, CountsTheMatricesOfEachFormForASample) {
  for (const Form form : all_forms())
    if (can_sample(form)) expect_matrices_are_counted(form, 3);
}

TEST(MemoryModel, CountsTheMatricesOfEachMethod) {
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  const UpdateContext context{*device, make_mpi_communicator(), clock};
  const int ranks = context.communicator.size();
  const BatchCapacity capacity{batch, (batch + ranks - 1) / ranks};
  (void)context.communicator.make_all_reduce(*device, 1, 1);  // the first makes a trial, which takes memory of its own
  MethodOptions proxprop = default_options(Method::proxprop);
  proxprop.forms = std::vector<Form>(3, Form::activations);
  for (const MethodOptions& method : {default_options(Method::sgd), default_options(Method::adam),
                                      default_options(testing_support::named_method("muon")),
                                      default_options(testing_support::named_method("kfac")), proxprop}) {
    std::int64_t shared = 0;
    const double own = bytes_allocated_by([&] {
      auto rule = make_update_rule(context, spec(), method, capacity);
      shared = context.communicator.shared_bytes();
      return rule;
    });
    const double most = context.communicator.max(own + static_cast<double>(shared));
    TrainingOptions training;
    training.method = method;
    training.batch = batch;
    EXPECT_EQ(predict_memory(spec(), method, step_shape(training, ranks), 0).update, most) << name_of(method.method);
  }
}

TEST(MemoryModel, CountsAveragedWeights) {
  const auto device = make_cpu_device(1);
  Network network = make_network(*device, conv_net(), {}, 1);
  const double bytes = bytes_allocated_by([&] { return std::make_unique<AveragedWeights>(*device, network, 0.9); });
  const auto on_device = [](double average) {
    MethodOptions method = default_options(Method::sgd);
    method.average = average;
    return predict_memory(conv_net(), method, {batch, 1}, 0).on_device();
  };
  EXPECT_EQ(on_device(0.9) - on_device(0), bytes);
}

TEST(MemoryModel, CountsTheMatricesOfAConvNetsWorkspace) {
  const auto device = make_cpu_device(1);
  const int ranks = make_mpi_communicator().size();
  const Index capacity = workspace_capacity(conv_net(), (batch + ranks - 1) / ranks);
  Network network = make_network(*device, conv_net(), {}, 1);
  double bytes = bytes_allocated_by([&] { return Workspace(*device, make_self_communicator(), network, capacity); });
  bytes += bytes_allocated_by([&] { return InputBuffer(*device, conv_net().inputs(), capacity); });  // read ahead
  const double labels = static_cast<double>(capacity) * sizeof(std::int32_t);
  EXPECT_EQ(predict_memory(conv_net(), default_options(Method::sgd), {batch, ranks}, 0).workspace, bytes + 2 * labels);
}

/// Every way to train a ConvNet that keeps other matrices.
std::vector<MethodOptions> methods_of_conv_nets() {
  std::vector<MethodOptions> methods(6, default_options(Method::sibp));
  methods[1].step = StepRule{};  // the update is added as it is
  methods[1].momentum = 0;
  methods[1].weight_decay = 0.1;
  methods[2].step = StepRule{};
  methods[2].momentum = 0;
  methods[2].weight_decay = 0.1;
  methods[2].carry = Carry::old_weights;
  methods[2].convolution.refresh.every = 1;
  methods[3].step = {StepRule::Kind::spectral, 0.1};
  methods[4].step = {StepRule::Kind::newton_muon, 0.1};
  methods[5].refresh.lags = methods[5].convolution.refresh.lags = true;
  for (const Method method : all_methods())
    if (method != Method::sibp && method != Method::published) methods.push_back(default_options(method));
  for (MethodOptions& method : methods) method.forms = std::vector<Form>(conv_net().maps.size(), Form::normal);
  return methods;
}

TEST(MemoryModel, CountsTheMatricesOfEachMethodForAConvNet) {
  const auto device = make_cpu_device(1);
  PhaseClock clock;
  const UpdateContext context{*device, make_mpi_communicator(), clock};
  const int ranks = context.communicator.size();
  (void)context.communicator.make_all_reduce(*device, 1, 1);  // the first makes a trial, which takes memory of its own
  for (const MethodOptions& method : methods_of_conv_nets()) {
    std::int64_t shared = 0;
    const double own = bytes_allocated_by([&] {
      auto rule = make_update_rule(context, conv_net(), method, {batch, (batch + ranks - 1) / ranks});
      shared = context.communicator.shared_bytes();
      return rule;
    });
    const double most = context.communicator.max(own + static_cast<double>(shared));
    const StepShape step = shape_of(method, ranks);
    EXPECT_EQ(predict_memory(conv_net(), method, step, 0).update, most)
        << name_of(method.method) << " momentum " << method.momentum.value_or(-1);
  }
}

TEST(MemoryModel, CountsTheParametersOfAConvNetAndItsCheckpoint) {
  const double parameters = 6 * 28 + 8 * 55 + 8 * 7 + 9 * 9 + 5 * 10 + 2 * 6 + 2 * 8;
  const double statistics = 2 * 6 + 2 * 8;
  MethodOptions method = default_options(Method::sibp);
  method.forms = std::vector<Form>(5, Form::normal);
  const StepShape step = shape_of(method, 1);
  const RankMemory memory = predict_memory(conv_net(), method, step, 0);
  EXPECT_EQ(memory.weights, (parameters + statistics) * sizeof(Real));
  const double means = 28 * 28 + 55 * 55 + 7 * 7;  // of convolutions
  EXPECT_EQ(memory.saving, (2 * parameters + statistics + means + 8 * 55) * sizeof(Real));
}

TEST(MemoryModel, NodesAddUpToTheRank) {
  MethodOptions method = default_options(Method::sibp);
  method.forms = std::vector<Form>(5, Form::normal);
  const StepShape step = shape_of(method, 2);
  const NetworkMemory network = predict_network_memory(conv_net(), method, step);
  ASSERT_EQ(network.nodes.size(), conv_net().nodes.size());
  double bytes = network.inputs + network.patches + network.update;
  for (const NodeMemory& node : network.nodes) bytes += node.total();
  EXPECT_EQ(bytes, predict_memory(conv_net(), method, step, 0).on_device());
}

TEST(MemoryModel, FindsTheLargestBatchThatFits) {
  MethodOptions method;
  method.forms = std::vector<Form>(3, Form::dual);
  const double room = predict_memory(spec(), method, {700, 2}, 0).on_device();
  EXPECT_EQ(largest_batch_within(room, spec(), method, {5000, 2}), 700);
  EXPECT_EQ(largest_batch_within(room - 1, spec(), method, {5000, 2}), 699);
  EXPECT_EQ(largest_batch_within(room, spec(), method, {650, 2}), 650);
  EXPECT_EQ(largest_batch_within(1000, spec(), method, {5000, 2}), std::nullopt);
}

TEST(MemoryModel, CountsWeightsAndShards) {
  const RankMemory memory = predict_memory(spec(), std::vector<Form>(3, Form::normal), {batch, 4}, 1000);
  EXPECT_EQ(memory.weights, static_cast<double>(70 * 51 + 30 * 71 + 10 * 31) * sizeof(Real));
  EXPECT_EQ(memory.shard, 250 * (50 + 4));
  EXPECT_EQ(memory.on_device(), memory.shard + memory.weights + memory.workspace + memory.update);
}

TEST(MemoryModel, CountsACheckpointAndTheLargestLayerOnceMore) {
  const double parameters = 70 * 51 + 30 * 71 + 10 * 31;
  const auto saving = [](MethodOptions method) {
    method.forms = std::vector<Form>(3, Form::normal);
    return predict_memory(spec(), method, {batch, 4}, 1000).saving / sizeof(Real);
  };
  EXPECT_EQ(saving(default_options(Method::sibp)), parameters + 70 * 51);
  EXPECT_EQ(saving(default_options(Method::sgd)), 2 * parameters + 70 * 51);
  EXPECT_EQ(saving(default_options(Method::adam)), 3 * parameters + 70 * 51);
  MethodOptions mean = default_options(Method::sibp);
  mean.refresh.every = 5;
  EXPECT_EQ(saving(mean), parameters + 51 * 51 + 71 * 71 + 31 * 31 + 70 * 51);
  mean.average = 0.9;
  EXPECT_EQ(saving(mean), 2 * parameters + 51 * 51 + 71 * 71 + 31 * 31 + 70 * 51);
}

}  // namespace
}  // namespace sibp
