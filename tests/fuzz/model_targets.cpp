// The readers of models: safetensors files and the language that describes networks.
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
  const auto spec = unless_refused(ExitStatus::usage, [&] {
    return input[0] % 2 == 0 ? parse_network(text, 784, loss, Activation::tanh)
                             : network_from_widths(text, 784, 10, loss, Activation::tanh);
  });
  if (!spec) return;
  check(spec->parameters() > 0, "a network has parameters");
  check(parse_network(spec->text, 784, loss, Activation::relu) == *spec, "the language says all of a network");
}

}  // namespace sibp::fuzz
