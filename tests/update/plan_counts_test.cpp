// What a step does and sends, counted, against what the plan says of the busiest rank.
#include "sibp/update/step_prediction.hpp"

#include "device/cpu_device.hpp"
#include "support/step_fixture.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

using namespace testing_support;

/// Counts the operations of products, factorisations and solves.
class CountingDevice final : public cpu::CpuDevice {
 public:
  CountingDevice() : CpuDevice(1) {}
  [[nodiscard]] double flops() const { return flops_; }

 private:
  void do_gemm(Op op_a, Op op_b, Real alpha, ConstMatrixView a, ConstMatrixView b, Real beta, MatrixView c) override {
    flops_ += 2 * static_cast<double>(c.size() * (op_a == Op::none ? a.cols : a.rows));
    CpuDevice::do_gemm(op_a, op_b, alpha, a, b, beta, c);
  }
  void do_syrk(Op op, Real alpha, ConstMatrixView a, Real beta, MatrixView c) override {
    flops_ += static_cast<double>(c.size() * (op == Op::none ? a.cols : a.rows));
    CpuDevice::do_syrk(op, alpha, a, beta, c);
  }
  Index do_cholesky(MatrixView a) override {
    flops_ += static_cast<double>(a.rows * a.rows * a.rows) / 3;
    return CpuDevice::do_cholesky(a);
  }
  void do_solve_left(ConstMatrixView factor, MatrixView x) override {
    flops_ += 2 * static_cast<double>(factor.size() * x.cols);
    CpuDevice::do_solve_left(factor, x);
  }
  void do_solve_right(ConstMatrixView factor, MatrixView x) override {
    flops_ += 2 * static_cast<double>(factor.size() * x.rows);
    CpuDevice::do_solve_right(factor, x);
  }

  double flops_ = 0;
};

struct Case {
  std::string_view name;
  Form form = Form::normal;
  Owners owners = Owners::all;
  Index every = 1;
};

constexpr std::array cases{Case{"as one rank", Form::normal, Owners::all, 1},
                           Case{"every third step", Form::normal, Owners::all, 3},
                           Case{"activations", Form::activations, Owners::all, 1},
                           Case{"factors", Form::normal, Owners::factorising, 1},
                           Case{"factors of every third step", Form::normal, Owners::factorising, 3},
                           Case{"factors for activations", Form::activations, Owners::factorising, 1},
                           Case{"owners solve", Form::normal, Owners::solving, 1},
                           Case{"owners solve, every third step", Form::normal, Owners::solving, 3},
                           Case{"as is cheapest", Form::normal, Owners::automatic, 1}};

TEST(PlanCounts, TheBusiestRankDoesAndSendsWhatThePlanSays) {
  const Communicator world = make_mpi_communicator();
  const NetworkSpec spec =
      parse_network("dense(48,relu) dense(32,tanh) dense(10)", 60, Loss::softmax_cross_entropy, {});
  const Index samples = 16 * Index{world.size()};
  for (const Case& each : cases) {
    SCOPED_TRACE(each.name);
    const StepShape shape{.batch = samples, .ranks = world.size(), .gram_every = each.every};
    const MachineRates rates = MachineRates::uniform(1e11, 1e-6, 1e10);
    const std::vector<int> nodes = nodes_of_neighbours(world.size(), 1);
    const StepPlan plan = make_step_plan(spec, shape, rates,
                                         {.candidates = {},
                                          .forms = std::vector(spec.maps.size(), each.form),
                                          .owners = each.owners,
                                          .nodes_of_ranks = nodes});
    const LayerCost planned = predict_step(spec, shape, rates, plan).cost;
    auto device = std::make_unique<CountingDevice>();
    const CountingDevice& counted = *device;
    const auto make = [&](const UpdateContext& context, const NetworkSpec& network) {
      ProximalOptions options;
      options.forms = plan.forms;
      options.batch = {samples, 16};
      options.refresh.every = each.every;
      options.refresh.burn_in = 0;
      options.places = plan.places;
      return make_semi_implicit(context, network, options);
    };
    RankOfStep rank(world, spec, toy_weights(spec, 21), 16, make, std::move(device));
    const ToyBatch batch = toy_batch(60, 10, samples, 100);
    const double flops_before = counted.flops();
    const auto bytes_before = world.bytes_reduced();
    constexpr int steps = 6;
    for (int step = 0; step < steps; ++step) rank.step(batch, 0.1);
    const double flops = world.max(counted.flops() - flops_before) / steps;
    const double bytes = static_cast<double>(world.max(world.bytes_reduced() - bytes_before)) / steps;
    EXPECT_NEAR(flops, planned.flops(), 0.1 * planned.flops());
    EXPECT_NEAR(bytes, planned.bytes_reduced, 0.1 * planned.bytes_reduced);
  }
}

}  // namespace
}  // namespace sibp
