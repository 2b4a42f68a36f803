#include "sibp/app/report/summary.hpp"

#include "sibp/app/report/progress.hpp"
#include "sibp/core/words.hpp"

#include <array>
#include <utility>

#include <fmt/format.h>

namespace sibp {
namespace {

constexpr std::array phases{std::pair{"forward", &PhaseSeconds::forward},
                            std::pair{"backward", &PhaseSeconds::backward}, std::pair{"solve", &PhaseSeconds::solve},
                            std::pair{"communication", &PhaseSeconds::communication},
                            std::pair{"reading", &PhaseSeconds::reading}};

std::string measured_line(std::string_view set, const LossAndAccuracy& measured) {
  return fmt::format("  {:<11}loss {:.4f}, accuracy {:.2f} %\n", set, measured.loss, 100 * measured.accuracy);
}

/// "solve 61 %, forward 20 %, …" of a step of `seconds`.
std::string shares_text(const PhaseSeconds& means, double seconds) {
  std::string text;
  for (const auto& [name, phase] : phases) {
    text += fmt::format("{}{} {:.0f} %", text.empty() ? "" : ", ", name, 100 * means.*phase / seconds);
  }
  return text;
}

/// The best checkpoint; empty if none was looked for.
std::string best_line(const Best& best) {
  if (best.step < 0) return "";
  return best.measure == Measure::validation_loss
             ? fmt::format("  {:<11}validation loss {:.4f} after step {}\n", "best", best.value, best.step)
             : fmt::format("  {:<11}validation accuracy {:.2f} % after step {}\n", "best", 100 * best.value, best.step);
}

/// How fast the training was; empty if it had no steps or no time.
std::string speed_lines(const RunSummary& summary) {
  const MetricsRecord& last = summary.final;
  if (last.step <= 0 || !(last.seconds_total > 0)) return "";
  const double seconds_step = last.seconds_total / static_cast<double>(last.step);
  const double samples = last.epoch * static_cast<double>(summary.training_samples);
  return fmt::format("  {:<11}{:.0f} samples/s, {:.2f} ms a step: {}\n", "speed", samples / last.seconds_total,
                     1e3 * seconds_step, shares_text(summary.mean_phases, seconds_step));
}

}  // namespace

std::string summary_text(const RunSummary& summary) {
  const MetricsRecord& last = summary.final;
  std::string held_out;
  if (summary.validation_samples > 0) held_out = fmt::format(", {} for validation", summary.validation_samples);
  std::string text = fmt::format("Trained {} ({}) on {}: {} for training{}, {} for the test\n", summary.network,
                                 counted(summary.parameters, "parameter"), summary.dataset,
                                 counted(summary.training_samples, "sample"), held_out, summary.test_samples);
  text += fmt::format("  {:<11}{} ({:.2f} epochs) in {} on {} of {}\n", "length", counted(last.step, "step"),
                      last.epoch, duration_text(last.seconds_total), counted(summary.ranks, "rank"),
                      counted(summary.threads, "thread"));
  text += measured_line("train", last.train);
  if (last.validation) text += measured_line("validation", *last.validation);
  if (last.test) text += measured_line("test", *last.test);
  if (last.test_average) text += measured_line("averaged", *last.test_average);
  return text + best_line(summary.best) + speed_lines(summary) +
         fmt::format("  {:<11}{}\n", "results", summary.folder.string());
}

void PhaseMeans::on_record(const MetricsRecord& record) {
  const Index steps = record.step - last_step_;
  last_step_ = record.step;
  if (steps <= 0) return;
  for (const auto& [name, phase] : phases) totals_.*phase += record.seconds.*phase * static_cast<double>(steps);
  steps_ += steps;
}

PhaseSeconds PhaseMeans::means() const {
  PhaseSeconds means;
  if (steps_ == 0) return means;
  for (const auto& [name, phase] : phases) means.*phase = totals_.*phase / static_cast<double>(steps_);
  return means;
}

Observers::Observers(std::vector<TrainingObserver*> observers) : observers_(std::move(observers)) {
  std::erase(observers_, nullptr);
}

void Observers::on_step(Index step, Index steps, double batch_loss, Index samples) {
  for (TrainingObserver* observer : observers_) observer->on_step(step, steps, batch_loss, samples);
}

void Observers::on_record(const MetricsRecord& record) {
  for (TrainingObserver* observer : observers_) observer->on_record(record);
}

}  // namespace sibp
