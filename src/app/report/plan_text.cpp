#include "app/report/plan_text.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <nlohmann/json.hpp>

namespace sibp {
namespace {

using Json = nlohmann::ordered_json;

std::string owners_text(const std::vector<SystemPlace>& places) {
  return places.empty() ? "none" : to_text(places);
}

std::string settings_text(const std::vector<PlanPoint>& points) {
  constexpr auto row = "{:>7}  {:>10}  {:>11}  {:>9}  {:>11}  {:>8}\n";
  std::string text = fmt::format(row, "nodes", "gram-every", "gram-sample", "wire", "ms a step", "over SGD");
  for (const PlanPoint& point : points)
    text += fmt::format(row, point.nodes, point.best.every, point.best.sample, name_of(point.best.wire),
                        fmt::format("{:.3f}", 1e3 * point.best_seconds),
                        fmt::format("{:.2f}", point.best_seconds / point.sgd_seconds));
  return text;
}

std::string curve_text(const std::vector<PlanPoint>& points) {
  constexpr auto row = "{:>7}  {:>7}  {:>9}  {:>11}  {:>8}  {:>11}  {:>9}  {:>9}  {:>14}  {:>10}  {:<{}}  {}\n";
  std::size_t width = 0;
  for (const PlanPoint& point : points) width = std::max(width, to_text(point.step.plan.forms).size());
  std::string text = fmt::format(row, "nodes", "ranks", "batch", "ms a step", "over SGD", "samples/s", "network",
                                 "update", "communication", "efficiency", "forms", width, "owners");
  for (const PlanPoint& point : points) {
    const LayerCost& cost = point.step.cost;
    const double seconds = point.step.seconds();
    const auto share = [&](double part) { return fmt::format("{:.0f} %", 100 * part / seconds); };
    text += fmt::format(row, point.nodes, point.step.shape.ranks, point.step.shape.batch,
                        fmt::format("{:.3f}", 1e3 * seconds), fmt::format("{:.2f}", seconds / point.sgd_seconds),
                        fmt::format("{:.0f}", static_cast<double>(point.step.shape.batch) / seconds),
                        share(cost.seconds_network), share(cost.seconds_update), share(cost.seconds_communication),
                        fmt::format("{:.0f} %", 100 * point.efficiency), to_text(point.step.plan.forms), width,
                        owners_text(point.step.plan.places));
  }
  return text;
}

Json to_json(const StepPrediction& step, double memory_bytes) {
  return {{"forms", to_text(step.plan.forms)},
          {"owners", owners_text(step.plan.places)},
          {"seconds", step.seconds()},
          {"seconds_network", step.cost.seconds_network},
          {"seconds_update", step.cost.seconds_update},
          {"seconds_communication", step.cost.seconds_communication},
          {"flops", step.cost.flops()},
          {"flops_network", step.cost.flops_network},
          {"bytes_reduced", step.cost.bytes_reduced},
          {"memory_bytes", memory_bytes}};
}

Json to_json(const std::vector<PlanPoint>& points) {
  Json list = Json::array();
  for (const PlanPoint& point : points) {
    Json object{{"nodes", point.nodes}, {"ranks", point.step.shape.ranks}, {"batch", point.step.shape.batch}};
    object.update(to_json(point.step, point.memory_bytes));
    object["efficiency"] = point.efficiency;
    object["sgd_seconds"] = point.sgd_seconds;
    object["best"] = {{"gram_every", point.best.every},
                      {"gram_sample", point.best.sample},
                      {"wire", name_of(point.best.wire)},
                      {"seconds", point.best_seconds}};
    Json& alternatives = object["alternatives"] = Json::object();
    for (const AlternativeStep& each : point.alternatives)
      alternatives[std::string(name_of(each.form))] = to_json(each.step, each.memory_bytes);
    list.push_back(std::move(object));
  }
  return list;
}

}  // namespace

std::string plan_text(const Plan& plan) {
  const auto origin = [](bool measured) { return measured ? "measured here" : "given"; };
  std::string text = fmt::format("network     {} ({} parameters)\n", short_name(plan.spec), plan.spec.parameters());
  text += fmt::format("a rank      {:.1f} GFLOP/s in large products ({})\n", plan.rates.gemm.back() / 1e9,
                      origin(plan.measured_flops));
  if (plan.measured_flops)
    text += fmt::format("work        {:.2f} times as long as by such rates (a gradient step measured here)\n",
                        plan.slowness);
  if (plan.interconnect.bandwidth_bytes > 0) {
    text += fmt::format("a link      {:.2f} µs a message, {:.2f} GB/s each way ({})\n",
                        1e6 * plan.interconnect.latency_seconds, plan.interconnect.bandwidth_bytes / 1e9,
                        origin(plan.measured_interconnect));
  }
  text += "a step      of the rank that works longest; nothing of the communication is taken as hidden behind work\n";
  text += "\nstrong scaling: the same batch\n" + curve_text(plan.strong);
  text += "\nweak scaling: the same number of samples on each rank\n" + curve_text(plan.weak);
  text += "\nweak scaling in the setting that changes the update least and is within 5 % of the fastest\n" +
          settings_text(plan.weak);
  return text;
}

std::string plan_json(const Plan& plan) {
  const MachineRates& rates = plan.rates;
  Json object{{"network", short_name(plan.spec)},
              {"parameters", plan.spec.parameters()},
              {"batch", plan.batch},
              {"ranks_per_node", plan.ranks_per_node}};
  object["rates"] = {{"sizes", MachineRates::sizes}, {"gemm", rates.gemm},
                     {"syrk", rates.syrk},           {"cholesky", rates.cholesky},
                     {"solve", rates.solve},         {"memory_bytes", rates.memory_bytes},
                     {"slowness", plan.slowness},    {"measured", plan.measured_flops}};
  object["interconnect"] = {{"latency_seconds", plan.interconnect.latency_seconds},
                            {"bandwidth_bytes", plan.interconnect.bandwidth_bytes},
                            {"measured", plan.measured_interconnect}};
  object["strong"] = to_json(plan.strong);
  object["weak"] = to_json(plan.weak);
  return object.dump(2) + "\n";
}

}  // namespace sibp
