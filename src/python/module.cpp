// The library as Python sees it: sibp._core, which sibp/__init__.py and sibp/run.py make easy to use.
#include <cstdint>
#include <cstdio>
#include <memory>
#include <new>
#include <numeric>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/string.h>
#include <nanobind/stl/tuple.h>
#include <nanobind/stl/vector.h>
#include <sibp/app/run/predictor.hpp>
#include <sibp/app/run/training.hpp>
#include <sibp/comm/agreement.hpp>
#include <sibp/comm/environment.hpp>
#include <sibp/core/stop_request.hpp>
#include <sibp/data/data_digest.hpp>
#include <sibp/data/memory.hpp>

namespace nb = nanobind;

namespace {

using Pixels = nb::ndarray<nb::ro, nb::c_contig, nb::device::cpu>;  // uint8 or float32
using Labels = nb::ndarray<const std::int32_t, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using Probabilities = nb::ndarray<nb::numpy, sibp::Real, nb::ndim<2>>;

/// MPI from the first use on to finish().
std::optional<sibp::MpiEnvironment> mpi;

void start_mpi() {
  if (mpi) return;
  int argc = 0;
  char** argv = nullptr;
  mpi.emplace(argc, argv);
}

void finish_mpi() {
  if (mpi) mpi->finish();
  mpi.reset();
}

/// Samples of N × F, N × H × W or N × H × W × C.
sibp::TensorShape shape_of(const Pixels& x) {
  const auto extent = [&](std::size_t k) { return static_cast<sibp::Index>(x.shape(k)); };
  switch (x.ndim()) {
    case 2:
      return {1, 1, extent(1)};
    case 3:
      return {extent(1), extent(2), 1};
    case 4:
      return {extent(1), extent(2), extent(3)};
    default:
      sibp::throw_usage_error("x has " + std::to_string(x.ndim()) +
                              " dimensions, expected samples × features, samples × height × width, or samples × "
                              "height × width × channels");
  }
}

sibp::Samples samples_of(const Pixels& x, const std::int32_t* labels, std::size_t count) {
  const sibp::TensorShape shape = shape_of(x);
  if (x.shape(0) != count)
    sibp::throw_usage_error("x has " + std::to_string(x.shape(0)) + " samples, but y has " + std::to_string(count) +
                            " labels");
  const bool are_floats = x.dtype() == nb::dtype<float>();
  if (!are_floats && x.dtype() != nb::dtype<std::uint8_t>())
    sibp::throw_usage_error("x has elements of another type, expected uint8 or float32");
  const auto* bytes = static_cast<const std::uint8_t*>(x.data());
  return {.shape = shape,
          .pixels = {bytes, bytes + x.nbytes()},
          .labels = {labels, labels + count},
          .type = are_floats ? sibp::FeatureType::float32 : sibp::FeatureType::byte};
}

void check_labels(const sibp::Samples& samples, sibp::Index classes) {
  for (const std::int32_t label : samples.labels) {
    if (label < 0 || label >= classes)
      sibp::throw_usage_error("y holds the label " + std::to_string(label) + ", expected 0 to " +
                              std::to_string(classes - 1));
  }
}

sibp::Dataset dataset_of(sibp::Samples training, sibp::Samples test, sibp::Index classes) {
  check_labels(training, classes);
  check_labels(test, classes);
  if (training.shape != test.shape || training.type != test.type)
    sibp::throw_usage_error("the test samples have another shape or type than those of x");
  return {.name = sibp::memory_name,
          .shape = training.shape,
          .type = training.type,
          .classes = classes,
          .training = sibp::make_memory_source(std::move(training)),
          .test = sibp::make_memory_source(std::move(test))};
}

std::uint64_t digest_of_all(const sibp::Samples& samples) {
  std::vector<sibp::Index> places(samples.labels.size());
  std::iota(places.begin(), places.end(), sibp::Index{0});
  return sibp::digest_of(samples, places);
}

/// Sees that all ranks have the same samples. Collective.
void agree_on_samples(const sibp::Samples& training, const sibp::Samples& test, const sibp::Communicator& world) {
  const std::uint64_t mine = digest_of_all(training) + 3 * digest_of_all(test);
  if (const auto rank = sibp::first_other(world, std::to_string(mine)))
    throw sibp::AgreedError(sibp::ExitStatus::disagree,
                            "rank " + std::to_string(*rank) +
                                " was given other samples than rank 0; give the same arrays on every rank, which keeps "
                                "its share of them");
}

/// What one rank alone meets ends all of them, since they may wait for it; what all of them know of is an exception.
[[noreturn]] void end_alone(const sibp::Communicator& world) {
  const sibp::Failure failure = sibp::current_failure();
  if (world.size() == 1) throw sibp::Error(failure.status, failure.message);
  std::fprintf(stderr, "sibp: error: [rank %d] %s\n", world.rank(), failure.message.c_str());
  sibp::MpiEnvironment::abort(static_cast<int>(failure.status));
}

std::tuple<bool, std::string, std::string> train(const std::vector<std::string>& words, const Pixels& x,
                                                 const Labels& y, const Pixels& test_x, const Labels& test_y,
                                                 sibp::Index classes) {
  start_mpi();
  const nb::gil_scoped_release others_may_run;
  const sibp::Communicator world = sibp::make_mpi_communicator();
  const sibp::StopRequests stop_requests;
  try {
    auto [training, test] = sibp::agreed(world, [&] {
      return std::pair(samples_of(x, y.data(), y.size()), samples_of(test_x, test_y.data(), test_y.size()));
    });
    agree_on_samples(training, test, world);
    sibp::Dataset dataset =
        sibp::agreed(world, [&] { return dataset_of(std::move(training), std::move(test), classes); });
    const sibp::FinishedRun run = sibp::train_run(words, world, std::move(dataset));
    return {run.status == sibp::ExitStatus::stopped, run.folder.string(), run.summary};
  } catch (const sibp::AgreedError&) {
    throw;
  } catch (...) {
    end_alone(world);
  }
}

void make_predictor(sibp::Predictor* place, const std::string& model) {
  start_mpi();
  new (place) sibp::Predictor(model);
}

/// N × classes.
Probabilities probabilities(sibp::Predictor& predictor, const Pixels& x) {
  const std::vector<std::int32_t> no_labels(x.ndim() > 0 ? x.shape(0) : 0);
  auto result = std::make_unique<std::vector<sibp::Real>>();
  {
    const nb::gil_scoped_release others_may_run;
    *result = predictor.probabilities(samples_of(x, no_labels.data(), no_labels.size()));
  }
  auto* values = result.release();
  const nb::capsule owner(values, [](void* held) noexcept { delete static_cast<std::vector<sibp::Real>*>(held); });
  return Probabilities(values->data(), {no_labels.size(), static_cast<std::size_t>(predictor.spec().outputs())}, owner);
}

std::tuple<int, int> rank_and_size() {
  start_mpi();
  const sibp::Communicator world = sibp::make_mpi_communicator();
  return {world.rank(), world.size()};
}

}  // namespace

NB_MODULE(_core, module) {
  nb::exception<sibp::Error>(module, "Error");
  module.def("train", train);
  module.def("rank_and_size", rank_and_size);
  module.def("finish", finish_mpi);
  nb::class_<sibp::Predictor>(module, "Predictor").def("__init__", make_predictor).def("probabilities", probabilities);
}
