#include "sibp/trainer/metrics.hpp"

#include <nlohmann/json.hpp>

namespace sibp {
namespace {

void put(nlohmann::ordered_json& object, const std::string& set, const LossAndAccuracy& measured) {
  object[set + "_loss"] = measured.loss;
  object[set + "_accuracy"] = measured.accuracy;
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
  object["seconds_communication_hidden"] = record.seconds_hidden;
  object["seconds_reading"] = record.seconds.reading;
  object["seconds_total"] = record.seconds_total;
  object["bytes_reduced"] = record.bytes_reduced;
  object["samples_per_second"] = record.samples_per_second;
  if (record.peak_memory_bytes) object["peak_memory_bytes"] = *record.peak_memory_bytes;
  object["final"] = record.is_final;
  return object.dump();  // writes numbers that are not finite as null
}

}  // namespace sibp
