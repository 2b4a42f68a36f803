#include "sibp/trainer/metrics.hpp"

#include <algorithm>
#include <limits>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

void put(nlohmann::ordered_json& object, const std::string& set, const LossAndAccuracy& measured) {
  object[set + "_loss"] = measured.loss;
  object[set + "_accuracy"] = measured.accuracy;
}

/// A number that is there, null standing for one that is not finite; 0 if it is not there.
double number(const nlohmann::json& object, const std::string& key) {
  const auto found = object.find(key);
  if (found == object.end()) return 0;
  return found->is_null() ? std::numeric_limits<double>::quiet_NaN() : found->get<double>();
}

std::optional<LossAndAccuracy> measured(const nlohmann::json& object, const std::string& set) {
  if (!object.contains(set + "_loss")) return std::nullopt;
  return LossAndAccuracy{.loss = number(object, set + "_loss"), .accuracy = number(object, set + "_accuracy")};
}

/// seconds_all_reduce_hidden and the like.
std::string key_of(Collective kind, std::string_view part) {
  std::string name = name_of(kind);
  std::ranges::replace(name, '-', '_');
  return fmt::format("seconds_{}_{}", name, part);
}

SecondsByCollective collectives_of(const nlohmann::json& object) {
  SecondsByCollective collectives;
  for (const Collective kind : all_collectives)
    collectives[kind] = {number(object, key_of(kind, "hidden")), number(object, key_of(kind, "exposed"))};
  return collectives;
}

}  // namespace

std::string to_json_line(const MetricsRecord& record) {
  nlohmann::ordered_json object;
  object["step"] = record.step;
  object["epoch"] = record.epoch;
  put(object, "train", record.train);
  if (record.training_sample) put(object, "training_sample", *record.training_sample);
  if (record.validation) put(object, "validation", *record.validation);
  if (record.test) put(object, "test", *record.test);
  if (record.validation_average) put(object, "validation_average", *record.validation_average);
  if (record.test_average) put(object, "test_average", *record.test_average);
  object["eta"] = record.eta;
  object["lambda_min"] = record.lambda_min;
  object["lambda_max"] = record.lambda_max;
  object["seconds_step"] = record.seconds_step;
  object["seconds_forward"] = record.seconds.forward;
  object["seconds_backward"] = record.seconds.backward;
  object["seconds_solve"] = record.seconds.solve;
  object["seconds_communication"] = record.seconds.communication;
  double hidden = 0;
  for (const Collective kind : all_collectives) hidden += record.collectives[kind].hidden;
  object["seconds_communication_hidden"] = hidden;
  for (const Collective kind : all_collectives) {
    const CollectiveSeconds& seconds = record.collectives[kind];
    if (seconds == CollectiveSeconds{}) continue;
    object[key_of(kind, "hidden")] = seconds.hidden;
    object[key_of(kind, "exposed")] = seconds.exposed;
  }
  object["seconds_reading"] = record.seconds.reading;
  object["seconds_total"] = record.seconds_total;
  object["bytes_reduced"] = record.bytes_reduced;
  object["samples_per_second"] = record.samples_per_second;
  if (record.peak_memory_bytes) object["peak_memory_bytes"] = *record.peak_memory_bytes;
  object["final"] = record.is_final;
  return object.dump();  // writes numbers that are not finite as null
}

std::optional<MetricsRecord> from_json_line(std::string_view line) try {
  const auto object = nlohmann::json::parse(line);
  MetricsRecord record{.step = object.at("step").get<Index>(),
                       .epoch = number(object, "epoch"),
                       .train = measured(object, "train").value_or(LossAndAccuracy{}),
                       .training_sample = measured(object, "training_sample"),
                       .validation = measured(object, "validation"),
                       .test = measured(object, "test"),
                       .validation_average = measured(object, "validation_average"),
                       .test_average = measured(object, "test_average"),
                       .eta = number(object, "eta"),
                       .lambda_min = number(object, "lambda_min"),
                       .lambda_max = number(object, "lambda_max"),
                       .seconds_step = number(object, "seconds_step"),
                       .seconds = {.forward = number(object, "seconds_forward"),
                                   .backward = number(object, "seconds_backward"),
                                   .solve = number(object, "seconds_solve"),
                                   .communication = number(object, "seconds_communication"),
                                   .reading = number(object, "seconds_reading")},
                       .seconds_total = number(object, "seconds_total"),
                       .collectives = collectives_of(object),
                       .bytes_reduced = object.value("bytes_reduced", std::int64_t{0}),
                       .samples_per_second = number(object, "samples_per_second"),
                       .is_final = object.value("final", false)};
  if (object.contains("peak_memory_bytes")) record.peak_memory_bytes = object["peak_memory_bytes"].get<std::int64_t>();
  return record;
} catch (const nlohmann::json::exception&) {
  return std::nullopt;
}

}  // namespace sibp
