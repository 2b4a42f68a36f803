// The default choice of forms: no clock decides it. Clocks that this program and the C++ library read on this thread
// are counted, by a clock_gettime of the program's own; those of MPI, which looks at clocks while it waits, are not.
#include "app/run/method_choice.hpp"

#include "sibp/comm/agreement.hpp"
#include "sibp/layer/language.hpp"
#include "sibp/update/calibration.hpp"
#include "sibp/update/methods.hpp"

#include <chrono>
#include <ctime>
#include <string_view>

#include <dlfcn.h>
#include <gtest/gtest.h>
#include <spdlog/spdlog.h>
#include <sys/syscall.h>
#include <unistd.h>

namespace {
thread_local int clocks_read = 0;

/// Whether an address of code lies in this program or in the C++ library.
bool is_ours(void* code) {
  Dl_info caller;
  Dl_info here;
  if (dladdr(code, &caller) == 0 || dladdr(reinterpret_cast<void*>(&is_ours), &here) == 0) return true;
  return caller.dli_fbase == here.dli_fbase ||
         std::string_view(caller.dli_fname).find("libstdc++") != std::string_view::npos;
}
}  // namespace

extern "C" int clock_gettime(clockid_t clock, timespec* time) noexcept {
  if (is_ours(__builtin_return_address(0))) ++clocks_read;
  return static_cast<int>(syscall(SYS_clock_gettime, clock, time));
}

namespace sibp {
namespace {

class MethodChoice : public testing::Test {
 protected:
  MethodChoice() { spdlog::set_level(spdlog::level::off); }  // a line in the log has its time

  static NetworkSpec spec() {
    return network_from_widths("300,500,64", 784, 10, Loss::softmax_cross_entropy, Activation::relu);
  }
  std::vector<Form> chosen(const Options& options) { return plan_of(options, spec(), compute_, world_).forms; }

  Communicator world_ = make_mpi_communicator();
  Compute compute_{{}, make_cpu_device(1), world_};
};

TEST_F(MethodChoice, OfTheDefaultsReadsNoClock) {
  Options options;
  (void)chosen(options);  // the first makes what is kept
  for (const Index batch : {16, 100, 5000}) {
    options.training.batch = batch;
    const int before = clocks_read;
    const std::vector<Form> forms = chosen(options);
    EXPECT_EQ(clocks_read, before);
    EXPECT_EQ(forms.size(), spec().maps.size());
    EXPECT_EQ(forms, chosen(options));
  }
}

TEST_F(MethodChoice, ByMeasurementReadsClocks) {
  Options options;
  options.training.method.measures_forms = true;
  const int before = clocks_read;
  EXPECT_EQ(chosen(options).size(), spec().maps.size());
  EXPECT_GT(clocks_read, before + 10);
}

TEST_F(MethodChoice, DependsOnTheBatch) {
  Options options;
  options.training.batch = 50;
  const auto of_few = chosen(options);
  options.training.batch = 20000;
  EXPECT_NE(of_few, chosen(options));
}

TEST_F(MethodChoice, OfMomentumOfGradientsIsTheFormThatHasThem) {
  Options options;
  options.training.method.momentum_of_gradient = true;
  EXPECT_THROW(check_method(options, spec()), Error);  // chains of dense layers have no momentum unless it is given
  options.training.method.momentum = 0.9;
  check_method(options, spec());
  EXPECT_EQ(chosen(options), std::vector<Form>(spec().maps.size(), Form::normal));
  options.training.method.forms = {Form::dual};
  EXPECT_THROW(check_method(options, spec()), Error);
}

TEST_F(MethodChoice, MethodsInWhichAllComputeTheSameNeedRanksThatAreAlike) {
  std::vector<MethodOptions> needing;
  for (const Method method : all_methods())
    if (name_of(method) == "muon" || name_of(method) == "kfac") needing.push_back(default_options(method));
  ASSERT_EQ(needing.size(), 2);
  for (MethodOptions& method : needing) EXPECT_NO_THROW(compare_ranks(method, compute_, world_));
  compute_.threads.threads = 1 + world_.rank();
  if (world_.size() == 1) GTEST_SKIP() << "one rank is like itself";
  for (MethodOptions& method : needing) EXPECT_THROW(compare_ranks(method, compute_, world_), AgreedError);
  MethodOptions sibp = default_options(Method::sibp);
  EXPECT_NO_THROW(compare_ranks(sibp, compute_, world_));
  EXPECT_FALSE(sibp.ranks_are_alike);
}

}  // namespace
}  // namespace sibp
