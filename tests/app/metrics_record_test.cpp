#include "sibp/trainer/metrics.hpp"

#include <cmath>
#include <limits>

#include <gtest/gtest.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

TEST(Metrics, LineParsesBackWithEveryKey) {
  MetricsRecord record{.step = 7, .epoch = 0.5, .train = {.loss = 0.1, .accuracy = 0.9}};
  record.eta = 0.3;
  record.lambda_min = 1;
  record.lambda_max = 2;
  record.seconds_step = 3;
  record.seconds = {.forward = 4, .backward = 5, .solve = 6, .communication = 7, .reading = 8};
  record.seconds_total = 9;
  record.collectives[Collective::all_reduce] = {.hidden = 0.25, .exposed = 2};
  record.collectives[Collective::gather] = {.hidden = 0.25, .exposed = 1};
  record.bytes_reduced = 5'000'000'000;
  record.samples_per_second = 11;
  const std::string line = to_json_line(record);
  EXPECT_EQ(line.find('\n'), std::string::npos);
  const auto object = nlohmann::json::parse(line);
  EXPECT_EQ(object, nlohmann::json({{"step", 7},
                                    {"epoch", 0.5},
                                    {"train_loss", 0.1},
                                    {"train_accuracy", 0.9},
                                    {"eta", 0.3},
                                    {"lambda_min", 1.0},
                                    {"lambda_max", 2.0},
                                    {"seconds_step", 3.0},
                                    {"seconds_forward", 4.0},
                                    {"seconds_backward", 5.0},
                                    {"seconds_solve", 6.0},
                                    {"seconds_communication", 7.0},
                                    {"seconds_communication_hidden", 0.5},
                                    {"seconds_all_reduce_hidden", 0.25},
                                    {"seconds_all_reduce_exposed", 2.0},
                                    {"seconds_gather_hidden", 0.25},
                                    {"seconds_gather_exposed", 1.0},
                                    {"seconds_reading", 8.0},
                                    {"seconds_total", 9.0},
                                    {"bytes_reduced", 5'000'000'000},
                                    {"samples_per_second", 11.0},
                                    {"final", false}}));
  EXPECT_LT(line.find("step"), line.find("epoch"));
  EXPECT_EQ(to_json_line(*from_json_line(line)), line);
}

TEST(Metrics, LineHasWhatWasMeasuredAndNullForWhatIsNotFinite) {
  MetricsRecord record{.train = {.loss = std::nan(""), .accuracy = 0}};
  record.validation = {.loss = 1, .accuracy = 0.25};
  record.test = {.loss = std::numeric_limits<double>::infinity(), .accuracy = 0.5};
  record.peak_memory_bytes = 5'000'000'000;
  record.is_final = true;
  const auto object = nlohmann::json::parse(to_json_line(record));
  EXPECT_EQ(object["peak_memory_bytes"], 5'000'000'000);
  EXPECT_TRUE(object["train_loss"].is_null());
  EXPECT_TRUE(object["test_loss"].is_null());
  EXPECT_EQ(object["validation_accuracy"], 0.25);
  EXPECT_EQ(object["test_accuracy"], 0.5);
  EXPECT_EQ(object["final"], true);
  EXPECT_EQ(to_json_line(*from_json_line(to_json_line(record))), to_json_line(record));
}

TEST(Metrics, WhatIsNoRecordIsNothing) {
  for (const char* line : {"", "[]", "{}", R"({"step": "3"})", R"({"step":7,"epo)", R"({"step":7,"eta":"x"})"})
    EXPECT_FALSE(from_json_line(line)) << line;
}

}  // namespace
}  // namespace sibp
