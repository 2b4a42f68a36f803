// The readers of models: safetensors files and the language that describes networks.
#include "sibp/layer/activation_plan.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/model/network_spec.hpp"
#include "sibp/model/safetensors.hpp"
#include "sibp/trainer/model_file.hpp"

#include "fuzz/input.hpp"

#include <cstring>

namespace sibp::fuzz {
namespace {

bool same_bits(const Tensor& a, const Tensor& b) {
  return a.shape == b.shape && a.values.size() == b.values.size() &&
         (a.values.empty() || std::memcmp(a.values.data(), b.values.data(), a.values.size() * sizeof(Real)) == 0);
}

void check_rewritten(const TensorFile& file) {
  const std::string bytes = to_safetensors(file);
  const InputFile rewritten(bytes_of(bytes));
  const TensorFile again = read_safetensors(rewritten.path());
  check(again.metadata == file.metadata, "metadata are written as they were read");
  check(again.tensors.size() == file.tensors.size(), "as many tensors are written as were read");
  for (const auto& [name, tensor] : file.tensors)
    check(same_bits(again.tensors.at(name), tensor), "tensors are written as they were read");
}

}  // namespace

void safetensors(Bytes input) {
  const InputFile file(input);
  const auto tensors = unless_refused(ExitStatus::model, [&] { return read_safetensors(file.path()); });
  if (!tensors) return;
  check_rewritten(*tensors);
  static const auto device = make_cpu_device(1);
  unless_refused(ExitStatus::model, [&] {
    const Model model = read_model(file.path());
    return network_from_tensors(*device, model.spec, model.file, "the model").parameters.size();
  });
}

void network(Bytes input) {
  if (input.empty()) return;
  const std::string text = text_of(input.subspan(1));
  const Loss loss = Loss::softmax_cross_entropy;
  const TensorShape shape = input[0] / 2 % 2 == 0 ? TensorShape{1, 1, 784} : TensorShape{14, 14, 4};
  const auto spec = unless_refused(ExitStatus::usage, [&] {
    return input[0] % 2 == 0 ? parse_network(text, shape, loss, Activation::tanh)
                             : network_from_widths(text, shape, 10, loss, Activation::tanh);
  });
  if (!spec) return;
  check(spec->parameters() > 0, "a network has parameters");
  const NetworkSpec again = parse_network(spec->text, shape, loss, Activation::relu);
  check(again == *spec && again.maps == spec->maps, "the language says all of a network");
  check(again.nodes.size() == spec->nodes.size(), "no layer is left out of the text");
  for (std::size_t k = 0; k < spec->nodes.size(); ++k) {
    check(again.nodes[k].inputs == spec->nodes[k].inputs, "layers read what they read");
    check(again.shape(k + 1) == spec->shape(k + 1), "shapes are those of the text");
  }
  check(plan_activations(*spec).tensor.size() == spec->nodes.size() + 1, "every tensor has its place");
}

}  // namespace sibp::fuzz
