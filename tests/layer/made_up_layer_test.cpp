// A layer that nobody knew: its class and the line that names it are all that it needs to be read, trained by every
// method, saved and evaluated.
#include "sibp/layer/language.hpp"
#include "sibp/layer/layer.hpp"
#include "sibp/layer/layer_arguments.hpp"
#include "sibp/trainer/trainer.hpp"
#include "sibp/update/methods.hpp"

#include <map>

#include <fmt/format.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

/// mirror(factor): F = factor · G.
class Mirror final : public Layer {
 public:
  Mirror(LayerPlace place, Real factor) : place_(std::move(place)), factor_(factor) {}

  void forward(Pass) override {
    place_.device.fill(place_.output(), 0);
    place_.device.axpy(factor_, place_.input(), place_.output());
  }
  void backward() override {
    if (!place_.carries()) return;
    if (place_.beta() == Real(0)) place_.device.fill(place_.input_difference(), 0);
    place_.device.axpy(factor_, place_.output_difference(), place_.input_difference());
  }

 private:
  LayerPlace place_;
  Real factor_;
};

class MirrorSpec final : public LayerSpec {
 public:
  MirrorSpec(const TensorShape& shape, Index factor) : shape_(shape), factor_(factor) {}

  [[nodiscard]] std::string text() const override { return fmt::format("mirror({})", factor_); }
  [[nodiscard]] TensorShape output() const override { return shape_; }
  [[nodiscard]] std::unique_ptr<Layer> make(const LayerPlace& place) const override {
    return std::make_unique<Mirror>(place, static_cast<Real>(-factor_));
  }

 private:
  TensorShape shape_;
  Index factor_;
};

std::vector<LayerKind> kinds_with_mirror() {
  std::vector<LayerKind> kinds = layer_kinds();
  kinds.push_back({"mirror", "mirror(factor)", [](LayerArguments& arguments, const TensorShape& input) {
                     return std::make_shared<MirrorSpec>(input, arguments.size("factor"));
                   }});
  return kinds;
}

TEST(MadeUpLayer, IsTrainedByEveryMethod) {
  const auto device = make_cpu_device(1);
  const Communicator world = make_mpi_communicator();
  PhaseClock clock;
  DatasetOptions where;
  where.dataset = "synthetic";
  where.synthetic_samples = 300;
  where.synthetic_classes = 4;
  where.synthetic_shape = TensorShape{5, 4, 2};
  const Dataset dataset = open_dataset(where);
  const auto kinds = kinds_with_mirror();
  const NetworkSpec spec =
      parse_network("conv(6,3) norm residual( mirror(2) conv(6,3,relu) ) mirror(factor=1) dense(4)", dataset.shape,
                    Loss::softmax_cross_entropy, Activation::relu, kinds);
  EXPECT_EQ(spec, parse_network(spec.text, dataset.shape, Loss::softmax_cross_entropy, Activation::relu, kinds));
  EXPECT_THROW((void)parse_network(spec.text, dataset.shape, Loss::softmax_cross_entropy, Activation::relu), Error);
  const std::map<Method, double> rates{
      {Method::sibp, 0.5}, {Method::sgd, 0.05}, {Method::adam, 0.02}, {Method::proxprop, 0.3}};
  for (const auto& [method, eta] : rates) {
    SCOPED_TRACE(name_of(method));
    TrainingOptions options;
    options.batch = 50;
    options.steps = 40;
    options.method = default_options(method);
    options.method.forms = {Form::normal};
    const TrainingData data = load_training_data(*device, world, dataset, NormalisationKind::mean, 0, options);
    Network network = make_network(*device, spec, {}, 1);
    const UpdateContext context{*device, world, clock};
    const auto rule = make_update_rule(context, spec, options.method, {50, 50});
    const MetricsRecord last = train(context, *rule, network, data, options, eta, nullptr).last;
    EXPECT_GT(last.train.accuracy, 0.5);
  }
}

}  // namespace
}  // namespace sibp
