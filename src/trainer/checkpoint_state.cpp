#include "trainer/checkpoint_state.hpp"

#include "sibp/core/error.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <limits>
#include <type_traits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

using nlohmann::json;

constexpr int format = 1;
constexpr const char* precision = std::is_same_v<Real, float> ? "float32" : "float64";
constexpr std::array measures{Measure::none, Measure::validation_accuracy, Measure::validation_loss};

json to_json(const SecondsByCollective& collectives) {
  json object;
  for (const Collective kind : all_collectives)
    object[name_of(kind)] = {{"hidden", collectives[kind].hidden}, {"exposed", collectives[kind].exposed}};
  return object;
}

json to_json(const Interval& interval) {
  return {{"steps", interval.steps},
          {"samples", interval.samples},
          {"loss", interval.sums.loss},
          {"correct", interval.sums.correct},
          {"eta", interval.eta},
          {"lambda_min", interval.lambda.smallest},
          {"lambda_max", interval.lambda.largest},
          {"bytes_reduced", interval.bytes_reduced},
          {"collectives", to_json(interval.collectives)},
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

json to_json(const Best& best) {
  return {{"measure", name_of(best.measure)}, {"step", best.step}, {"value", best.value}};
}

json to_json(const Divergence& divergence) {
  return {
      {"steps", divergence.steps}, {"first_loss", divergence.first_loss}, {"steps_beyond", divergence.steps_beyond}};
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
  /// The members of an object, every one a text.
  [[nodiscard]] std::map<std::string, std::string> texts(const char* key) const {
    return object_.at(key).get<std::map<std::string, std::string>>();
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

SecondsByCollective collectives_of(const Fields& fields) {
  SecondsByCollective collectives;
  for (const Collective kind : all_collectives) {
    const Fields seconds = fields.object(name_of(kind));
    collectives[kind] = {seconds.number("hidden"), seconds.number("exposed")};
  }
  return collectives;
}

Interval interval_of(const Fields& fields) {
  Interval interval;
  interval.steps = fields.count("steps");
  interval.samples = fields.count("samples");
  interval.sums = {fields.number("loss"), fields.count("correct")};
  interval.eta = fields.number("eta");
  interval.lambda = {fields.number("lambda_min"), fields.number("lambda_max")};
  interval.bytes_reduced = fields.count("bytes_reduced");
  if (fields.has("collectives"))
    interval.collectives = collectives_of(fields.object("collectives"));  // older ones lack it
  fields.get("seconds", interval.seconds);
  return interval;
}

Best best_of(const Fields& fields) {
  const std::string name = fields.text("measure");
  const auto* measure = std::ranges::find(measures, name, [](Measure m) { return name_of(m); });
  if (measure == measures.end()) throw_model_error("'measure' is none that a checkpoint is the best by");
  return {*measure, fields.count("step"), fields.number("value")};
}

Divergence divergence_of(const Fields& fields) {
  Divergence divergence;
  divergence.steps = fields.count("steps");
  divergence.first_loss = fields.number("first_loss");
  divergence.steps_beyond = fields.count("steps_beyond");
  return divergence;
}

}  // namespace

bool is_run_name(std::string_view text) {
  constexpr std::size_t longest = 64;
  const auto fits = [](char c) { return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z'); };
  return !text.empty() && text.size() <= longest && std::ranges::all_of(text, fits);
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
  if (!run.machine.empty()) content["machine"] = run.machine;
  if (state.best.step >= 0) content["best"] = to_json(state.best);
  if (state.divergence.steps > 0) content["divergence"] = to_json(state.divergence);
  return content.dump(1, ' ', false, json::error_handler_t::replace) + "\n";
}

void read_state(const json& object, Checkpoint& checkpoint) {
  const Fields fields(object);
  if (const Index found = fields.count("format"); found != format)
    throw_model_error(fmt::format("its format is {}, expected {}", found, format));
  if (const std::string found = fields.text("precision"); found != precision)
    throw_model_error(fmt::format("its numbers are {}, but this program works with {}", found, precision));
  checkpoint.state = {.step = fields.count("step"),
                      .samples = fields.count("samples"),
                      .seconds = fields.number("seconds"),
                      .interval = interval_of(fields.object("interval"))};
  if (fields.has("best")) checkpoint.state.best = best_of(fields.object("best"));
  if (fields.has("divergence")) checkpoint.state.divergence = divergence_of(fields.object("divergence"));
  checkpoint.run = {.steps = fields.count("steps"),
                    .batches_per_epoch = fields.count("batches_per_epoch"),
                    .training_samples = fields.count("training_samples"),
                    .ranks = static_cast<int>(fields.count("ranks", std::numeric_limits<int>::max())),
                    .metrics_bytes = fields.count("metrics_bytes"),
                    .run = run_name_of(fields),
                    .data = data_of(fields),
                    .machine = fields.has("machine") ? fields.texts("machine") : std::map<std::string, std::string>()};
  for (const char* key : {"batches_per_epoch", "ranks"}) {
    if (fields.count(key) == 0) throw_model_error(fmt::format("'{}' is 0", key));
  }
  const TrainingState& state = checkpoint.state;
  if (state.interval.steps > state.step || state.interval.samples > state.samples)
    throw_model_error(fmt::format("its interval of {} steps and {} samples is longer than the training of {} and {}",
                                  state.interval.steps, state.interval.samples, state.step, state.samples));
  checkpoint.method_numbers = fields.counts("method");
}

}  // namespace sibp
