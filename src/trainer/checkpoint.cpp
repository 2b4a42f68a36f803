#include "sibp/trainer/checkpoint.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/core/error.hpp"
#include "sibp/core/file.hpp"
#include "sibp/core/finite.hpp"
#include "sibp/model/tensor_layout.hpp"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <limits>
#include <system_error>
#include <type_traits>

#include <fmt/format.h>
#include <fmt/ranges.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

using nlohmann::json;

constexpr const char* config_name = "config.ini";
constexpr const char* state_name = "state.json";
constexpr const char* weights_name = "weights.safetensors";
constexpr std::uintmax_t largest_text = 1'000'000;  // bytes of a file that is no tensors; thousands are usual
constexpr int format = 1;
constexpr const char* precision = std::is_same_v<Real, float> ? "float32" : "float64";

json to_json(const Interval& interval) {
  return {{"steps", interval.steps},
          {"samples", interval.samples},
          {"loss", interval.sums.loss},
          {"correct", interval.sums.correct},
          {"eta", interval.eta},
          {"lambda_min", interval.lambda.smallest},
          {"lambda_max", interval.lambda.largest},
          {"bytes_reduced", interval.bytes_reduced},
          {"seconds_hidden", interval.seconds_hidden},
          {"seconds", interval.seconds}};
}

std::string to_hexadecimal(std::uint64_t digest) {
  return fmt::format("{:016x}", digest);
}

json to_json(const DataDigests& data) {
  return {{"training", to_hexadecimal(data.training)},
          {"validation", to_hexadecimal(data.validation)},
          {"test", to_hexadecimal(data.test)}};
}

std::string to_state_text(const Checkpoint& checkpoint) {
  const TrainingState& state = checkpoint.state;
  const RunFacts& run = checkpoint.run;
  json content{{"format", format},
               {"version", SIBP_VERSION},
               {"precision", precision},
               {"step", state.step},
               {"steps", run.steps},
               {"epoch", state.step / run.batches_per_epoch},
               {"batch", state.step % run.batches_per_epoch},
               {"batches_per_epoch", run.batches_per_epoch},
               {"samples", state.samples},
               {"training_samples", run.training_samples},
               {"seconds", state.seconds},
               {"interval", to_json(state.interval)},
               {"method", checkpoint.method_numbers},
               {"metrics_bytes", run.metrics_bytes},
               {"ranks", run.ranks}};
  if (!run.run.empty()) content["run"] = run.run;
  if (run.data) content["data"] = to_json(*run.data);
  return content.dump(1) + "\n";
}

/// The values of a JSON object, each checked for its kind.
class Fields {
 public:
  explicit Fields(const json& object) : object_(object) {}

  [[nodiscard]] Index count(const std::string& key, Index largest = Index{1} << 62U) const {
    const json& value = object_.at(key);
    if (!value.is_number_unsigned() || value.get<std::uint64_t>() > static_cast<std::uint64_t>(largest))
      throw_model_error(fmt::format("'{}' is no whole number from 0 to {}", key, largest));
    return value.get<Index>();
  }
  /// The members of an object, every one a count.
  [[nodiscard]] std::map<std::string, Index> counts(const char* key) const {
    const Fields members = object(key);
    std::map<std::string, Index> counts;
    for (const auto& member : members.object_.get_ref<const json::object_t&>())
      counts[member.first] = members.count(member.first);
    return counts;
  }
  [[nodiscard]] double number(const char* key) const {
    if (!object_.at(key).is_number()) throw_model_error(fmt::format("'{}' is no number", key));
    return object_.at(key).get<double>();
  }
  [[nodiscard]] bool has(const char* key) const { return object_.contains(key); }
  /// 16 hexadecimal digits, lower case.
  [[nodiscard]] std::uint64_t digest(const char* key) const {
    const std::string digits = text(key);
    std::uint64_t digest = 0;
    std::from_chars(digits.data(), digits.data() + digits.size(), digest, 16);
    if (to_hexadecimal(digest) != digits) throw_model_error(fmt::format("'{}' is no digest", key));
    return digest;
  }
  [[nodiscard]] Fields object(const char* key) const { return Fields(object_.at(key)); }
  [[nodiscard]] std::string text(const char* key) const { return object_.at(key).get<std::string>(); }
  template <class T>
  void get(const char* key, T& value) const {
    object_.at(key).get_to(value);
  }

 private:
  const json& object_;
};

std::optional<DataDigests> data_of(const Fields& fields) {
  if (!fields.has("data")) return std::nullopt;
  const Fields data = fields.object("data");
  return DataDigests{data.digest("training"), data.digest("validation"), data.digest("test")};
}

std::string run_name_of(const Fields& fields) {
  if (!fields.has("run")) return {};
  std::string name = fields.text("run");
  if (!is_run_name(name)) throw_model_error("'run' is no name of a run");
  return name;
}

Interval interval_of(const Fields& fields) {
  Interval interval;
  interval.steps = fields.count("steps");
  interval.samples = fields.count("samples");
  interval.sums = {fields.number("loss"), fields.count("correct")};
  interval.eta = fields.number("eta");
  interval.lambda = {fields.number("lambda_min"), fields.number("lambda_max")};
  interval.bytes_reduced = fields.count("bytes_reduced");
  interval.seconds_hidden = fields.number("seconds_hidden");
  fields.get("seconds", interval.seconds);
  return interval;
}

void read_state(const Fields& fields, Checkpoint& checkpoint) {
  if (const Index found = fields.count("format"); found != format)
    throw_model_error(fmt::format("its format is {}, expected {}", found, format));
  if (const std::string found = fields.text("precision"); found != precision)
    throw_model_error(fmt::format("its numbers are {}, but this program works with {}", found, precision));
  checkpoint.state = {.step = fields.count("step"),
                      .samples = fields.count("samples"),
                      .seconds = fields.number("seconds"),
                      .interval = interval_of(fields.object("interval"))};
  checkpoint.run = {.steps = fields.count("steps"),
                    .batches_per_epoch = fields.count("batches_per_epoch"),
                    .training_samples = fields.count("training_samples"),
                    .ranks = static_cast<int>(fields.count("ranks", std::numeric_limits<int>::max())),
                    .metrics_bytes = fields.count("metrics_bytes"),
                    .run = run_name_of(fields),
                    .data = data_of(fields)};
  for (const char* key : {"batches_per_epoch", "ranks"}) {
    if (fields.count(key) == 0) throw_model_error(fmt::format("'{}' is 0", key));
  }
  const TrainingState& state = checkpoint.state;
  if (state.interval.steps > state.step || state.interval.samples > state.samples)
    throw_model_error(fmt::format("its interval of {} steps and {} samples is longer than the training of {} and {}",
                                  state.interval.steps, state.interval.samples, state.step, state.samples));
  checkpoint.method_numbers = fields.counts("method");
}

/// On rank 0.
void upload_tensor(Device& device, const Checkpoint& checkpoint, const std::string& name, MatrixView to) {
  const auto found = checkpoint.tensors.tensors.find(name);
  if (found == checkpoint.tensors.tensors.end())
    throw_model_error(fmt::format("{} has no tensor {}; it is of another method", weights_name, name));
  if (found->second.shape != std::vector<Index>{to.rows, to.cols})
    throw_model_error(fmt::format("{}: tensor {} has shape {}, expected {} × {}", weights_name, name,
                                  fmt::join(found->second.shape, " × "), to.rows, to.cols));
  std::vector<Real> values(static_cast<std::size_t>(to.size()));
  from_tensor(found->second, {values.data(), to.rows, to.cols, std::max<Index>(to.rows, 1)});
  device.upload(values, to);
}

/// All of a verified checkpoint but its tensors.
Checkpoint read_without_tensors(const std::filesystem::path& folder) {
  verify_checkpoint(folder);
  Checkpoint checkpoint;
  const auto path = folder / state_name;
  try {
    checkpoint.config = read_file(folder / config_name, largest_text);
    read_state(Fields(json::parse(read_file(path, largest_text))), checkpoint);
  } catch (const std::system_error& error) {
    throw_unreadable(error);
  } catch (const json::exception&) {
    throw_model_error(fmt::format("{} is not as sibp_dist writes it", path.string()));
  } catch (const Error& error) {
    throw_model_error(fmt::format("{}: {}", path.string(), error.what()));
  }
  return checkpoint;
}

/// Sees that a checkpoint is what its place says.
void check_identity(const Checkpoint& checkpoint, const std::filesystem::path& folder, const std::string& run) {
  std::error_code unknown;
  const auto place = std::filesystem::weakly_canonical(folder, unknown);  // of a link what it points to
  const Index named = step_of_name(place.filename().string());
  if (named >= 0 && named != checkpoint.state.step)
    throw_model_error(fmt::format("{} is named as step {}, but holds step {}; it was renamed", folder.string(), named,
                                  checkpoint.state.step));
  if (!run.empty() && !checkpoint.run.run.empty() && checkpoint.run.run != run)
    throw_model_error(fmt::format("{} is of the run {}, but its folder is of the run {}; it was put there",
                                  folder.string(), checkpoint.run.run, run));
}

void check_finite(const TensorFile& file, const std::filesystem::path& path) {
  for (const auto& [name, tensor] : file.tensors) {
    if (!all_finite(tensor.values))
      throw_model_error(
          fmt::format("{}: tensor {} holds numbers that are not finite; the training diverged, and nothing "
                      "can go on from here",
                      path.string(), name));
  }
}

}  // namespace

bool is_run_name(std::string_view text) {
  constexpr std::size_t longest = 64;
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, fits);
}

std::string tensor_of_method(const std::string& matrix) {
  return "method." + matrix;
}

CheckpointFiles to_files(Checkpoint checkpoint) {
  CheckpointFiles files{{config_name, checkpoint.config}, {state_name, to_state_text(checkpoint)}};
  files[weights_name] = to_safetensors(std::move(checkpoint.tensors));
  return files;
}

Checkpoint read_checkpoint(const std::filesystem::path& folder, const std::string& run) {
  Checkpoint checkpoint = read_without_tensors(folder);
  check_identity(checkpoint, folder, run);
  checkpoint.tensors = read_safetensors(folder / weights_name);
  check_finite(checkpoint.tensors, folder / weights_name);
  return checkpoint;
}

bool is_checkpoint_of(const std::filesystem::path& folder, const RunFacts& run, Index step) {
  try {
    const Checkpoint found = read_without_tensors(folder);
    return found.state.step == step && (found.run.run.empty() || found.run.run == run.run) &&
           (!found.run.data || found.run.data == run.data);
  } catch (const Error& error) {
    if (error.status() != ExitStatus::model) throw;
    return false;
  }
}

std::optional<NewestCheckpoint> read_newest_checkpoint(const CheckpointFolder& folder, const std::string& run) {
  const std::vector<Index> steps = folder.steps();
  NewestCheckpoint newest;
  for (auto step = steps.rbegin(); step != steps.rend(); ++step) {
    newest.path = folder.path_of(*step);
    try {
      newest.checkpoint = read_checkpoint(newest.path, run);
      return newest;
    } catch (const Error& error) {
      if (error.status() != ExitStatus::model) throw;
      newest.damaged.push_back(*step);
      newest.messages.emplace_back(error.what());
    }
  }
  if (steps.empty()) return std::nullopt;
  throw_model_error(fmt::format("none of the {} checkpoints in {} can be used: {}", steps.size(),
                                folder.path().string(), fmt::join(newest.messages, "; ")));
}

void restore_method(const UpdateContext& context, UpdateRule& rule, const Checkpoint* checkpoint) {
  const UpdateState state = rule.state();
  const Communicator& communicator = context.communicator;
  agreed(communicator, [&] {
    if (!communicator.is_root()) return;
    for (const auto& [name, matrix] : state.matrices)
      upload_tensor(context.device, *checkpoint, tensor_of_method(name), matrix);
    for (const auto& [name, number] : state.numbers) {
      const auto found = checkpoint->method_numbers.find(name);
      if (found == checkpoint->method_numbers.end())
        throw_model_error(fmt::format("{} has no number '{}'; it is of another method", state_name, name));
      number.get() = found->second;
    }
  });
  for (const auto& [name, matrix] : state.matrices) communicator.broadcast(matrix);
  for (const auto& [name, number] : state.numbers) communicator.broadcast(std::span(&number.get(), 1));
}

}  // namespace sibp
