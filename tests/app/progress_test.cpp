#include "sibp/app/report/progress.hpp"

#include "sibp/core/error.hpp"

#include <cmath>
#include <iostream>
#include <sstream>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

using testing::AllOf;
using testing::EndsWith;
using testing::HasSubstr;
using testing::Not;
using testing::StartsWith;

constexpr ProgressState halfway{
    .step = 150, .steps = 300, .loss = 0.25, .samples_per_second = 12345.6, .seconds_left = 75};

Index count(const std::string& text, char letter) {
  return std::count(text.begin(), text.end(), letter);
}

TEST(ProgressText, Durations) {
  EXPECT_EQ(duration_text(0.2), "0 s");
  EXPECT_EQ(duration_text(59.4), "59 s");
  EXPECT_EQ(duration_text(59.6), "1:00");
  EXPECT_EQ(duration_text(245), "4:05");
  EXPECT_EQ(duration_text(3723), "1:02:03");
  EXPECT_EQ(duration_text(std::nan("")), "?");
  EXPECT_EQ(duration_text(-1), "?");
}

TEST(ProgressText, BarShowsEverythingWhereThereIsRoom) {
  const std::string text = bar_text(halfway, 120);
  EXPECT_THAT(text, StartsWith("[###############...............]  50%"));
  for (const char* part : {"150/300", "loss 0.2500", "1:15 left", "12346 samples/s"})
    EXPECT_THAT(text, HasSubstr(part));
}

TEST(ProgressText, BarFitsAnyWidth) {
  for (int width = -1; width < 150; ++width) {
    EXPECT_LE(bar_text(halfway, width).size(), static_cast<std::size_t>(std::max(width, 0)));
  }
  EXPECT_EQ(bar_text(halfway, 14), " 50%  150/300");
  EXPECT_EQ(bar_text(halfway, 3), "");
}

TEST(ProgressText, BarAtItsEndsAndWithStrangeNumbers) {
  EXPECT_EQ(count(bar_text({.step = 0, .steps = 300}, 100), '#'), 0);
  EXPECT_EQ(count(bar_text({.step = 300, .steps = 300}, 100), '.'), 1);  // of "0.0000"
  EXPECT_THAT(bar_text({.step = 299, .steps = 300}, 100), HasSubstr(" 99%"));
  EXPECT_THAT(bar_text({.step = 0, .steps = 0, .loss = std::nan("")}, 100), HasSubstr("nan"));
}

TEST(ProgressText, RecordShowsWhatWasMeasured) {
  MetricsRecord record{.step = 600, .epoch = 1, .train = {.loss = 0.5, .accuracy = 0.8125}};
  record.samples_per_second = 1000;
  EXPECT_EQ(record_text(record, 3000), "step 600/3000  epoch 1.00  train loss 0.5000 accuracy 81.25 %  1000 samples/s");
  record.test = {.loss = 0.6, .accuracy = 0.75};
  record.validation = {.loss = 0.7, .accuracy = 0.5};
  EXPECT_THAT(record_text(record, 3000), AllOf(HasSubstr("test loss 0.6000 accuracy 75.00 %"),
                                               HasSubstr("validation loss 0.7000 accuracy 50.00 %")));
}

TEST(ProgressMode, AutomaticIsABarOnATerminalWithoutLauncher) {
  EXPECT_EQ(resolve_progress(ProgressMode::automatic, true, false), ProgressMode::bar);
  EXPECT_EQ(resolve_progress(ProgressMode::automatic, false, false), ProgressMode::lines);
  EXPECT_EQ(resolve_progress(ProgressMode::automatic, true, true), ProgressMode::lines);
  EXPECT_EQ(resolve_progress(ProgressMode::bar, false, true), ProgressMode::bar);
  EXPECT_EQ(resolve_progress(ProgressMode::none, true, false), ProgressMode::none);
}

/// Progress in a string, at a time that the test sets.
class Shown {
 public:
  explicit Shown(ProgressMode mode)
      : observer_(make_progress(mode, {&stream_, [] { return 80; }, [this] { return now; }})) {}

  TrainingObserver& observer() { return *observer_; }
  std::string text() const { return stream_.str(); }
  void finish() { observer_.reset(); }

  double now = 1000;

 private:
  std::ostringstream stream_;
  std::unique_ptr<TrainingObserver> observer_;
};

TEST(ProgressBar, IsDrawnAtMostTenTimesASecondAndAtTheEnd) {
  Shown shown(ProgressMode::bar);
  for (Index step = 1; step <= 1000; ++step) {
    shown.now += 0.001;
    shown.observer().on_step(step, 1000, 0.5, step * 100);
  }
  EXPECT_LE(count(shown.text(), '\r'), 12);
  EXPECT_GE(count(shown.text(), '\r'), 9);
  EXPECT_EQ(count(shown.text(), '\n'), 0);
  EXPECT_THAT(shown.text(), HasSubstr("100%  1000/1000"));
  EXPECT_THAT(shown.text(), HasSubstr("100000 samples/s"));
  MetricsRecord last{.step = 1000, .is_final = true};
  shown.observer().on_record(last);
  EXPECT_THAT(shown.text(), EndsWith("\r\x1b[K" + record_text(last, 1000) + "\n"));
  shown.finish();
}

TEST(ProgressBar, EvaluationsStayAboveIt) {
  Shown shown(ProgressMode::bar);
  shown.observer().on_step(1, 10, 0.5, 100);
  const auto without = shown.text();
  shown.observer().on_record({.step = 1});
  EXPECT_EQ(shown.text(), without);  // a record of the training loss alone
  MetricsRecord record{.step = 1};
  record.test = LossAndAccuracy{};
  shown.observer().on_record(record);
  EXPECT_THAT(shown.text(), HasSubstr("\r\x1b[K" + record_text(record, 10) + "\n\r\x1b[K["));
}

TEST(ProgressLines, ShowEveryRecordAndALineNowAndThen) {
  Shown shown(ProgressMode::lines);
  for (Index step = 1; step <= 120; ++step) {
    shown.now += 0.1;
    shown.observer().on_step(step, 240, 0.5, step * 100);
  }
  EXPECT_EQ(count(shown.text(), '\n'), 2);
  EXPECT_THAT(shown.text(), HasSubstr("step 50/240  loss 0.5000  1000 samples/s  19 s left\n"));
  EXPECT_THAT(shown.text(), Not(HasSubstr("\r")));
  shown.observer().on_record({.step = 120});
  EXPECT_EQ(count(shown.text(), '\n'), 3);
  EXPECT_THAT(shown.text(), EndsWith("12 s left\n"));
  shown.observer().on_record({.step = 240, .is_final = true});
  EXPECT_THAT(shown.text(), EndsWith("samples/s\n"));
}

TEST(ProgressLines, RecordBeforeTheFirstStepPromisesNothing) {
  for (const ProgressMode mode : {ProgressMode::lines, ProgressMode::bar}) {
    Shown shown(mode);
    MetricsRecord record{.step = 300};
    record.test = LossAndAccuracy{};
    shown.observer().on_record(record);
    EXPECT_THAT(shown.text(), AllOf(HasSubstr("step 300  epoch"), EndsWith("samples/s\n"), Not(HasSubstr("/300"))));
  }
}

TEST(ProgressNone, IsNoObserver) {
  EXPECT_EQ(make_progress(ProgressMode::none, progress_output(std::cerr, 2)), nullptr);
  EXPECT_THROW(make_progress(ProgressMode::automatic, progress_output(std::cerr, 2)), Error);
}

}  // namespace
}  // namespace sibp
