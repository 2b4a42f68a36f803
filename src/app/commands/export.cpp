// The command export: a trained model for other programs.
#include "sibp/app/commands/commands.hpp"
#include "sibp/comm/agreement.hpp"
#include "sibp/core/file.hpp"
#include "sibp/trainer/model_export.hpp"

#include "app/run/file_of_model.hpp"
#include "app/run/session.hpp"

#include <fmt/format.h>

namespace sibp {
namespace {

namespace fs = std::filesystem;

/// The path of --out, or one in the folder or beside the file that --model names.
fs::path path_of_export(const Options& options, std::string_view name_end) {
  if (!options.out.empty()) return options.out;
  std::error_code unknown;
  fs::path stem = fs::is_directory(options.model, unknown) ? options.model / "model" : options.model;
  return stem.replace_extension().concat(name_end);
}

std::string write_onnx(const Options& options, const Model& model, const std::string& source) {
  const fs::path path = path_of_export(options, ".onnx");
  write_file_whole(path, model_to_onnx(model, source));
  return fmt::format("{}: ONNX, opset 17; input pixels (float32, as in the data), outputs logits and probabilities\n",
                     path.string());
}

std::string write_torch(const Options& options, const Model& model, const std::string& source) {
  const fs::path path = path_of_export(options, "_torch.py");
  if (path.extension() != ".py")
    throw_usage_error(fmt::format("--out: found {}, expected a name that ends in .py", path.string()));
  fs::path weights = path;
  weights.replace_extension(".safetensors");
  std::error_code unknown;
  if (fs::equivalent(weights, source, unknown))
    throw_usage_error(
        fmt::format("--out: found {}, whose weights would take the place of the model {}, expected another name",
                    path.string(), source));
  const TorchFiles files = model_to_torch(model, source);
  write_file_whole(weights, files.weights);
  write_file_whole(path, files.module);
  return fmt::format("{}: PyTorch; load() makes the nn.Sequential, with the weights of {}\n", path.string(),
                     weights.string());
}

std::string write_export(const Options& options) {
  const fs::path file = file_of_model(options.model);
  const Model model = read_model(file);
  switch (options.to.value()) {
    case ExportFormat::onnx:
      return write_onnx(options, model, file.string());
    case ExportFormat::torch:
      return write_torch(options, model, file.string());
  }
  return {};
}

}  // namespace

int run_export(const Options& options, const Communicator& world) {
  print_on_root(world, agreed(world, [&] { return world.is_root() ? write_export(options) : std::string(); }));
  return static_cast<int>(ExitStatus::done);
}

}  // namespace sibp
