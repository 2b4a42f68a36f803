// Accuracy of mean probabilities over views of a picture, on any number of ranks, against loops over all samples.
#include "sibp/layer/language.hpp"
#include "sibp/trainer/evaluation.hpp"

#include "support/naive.hpp"

#include <algorithm>
#include <cmath>
#include <numeric>

#include <gtest/gtest.h>

namespace sibp {
namespace {

constexpr TensorShape shape{4, 3, 2};
constexpr Index classes = 5;
constexpr Index samples = 203;

/// What a linear network says of the pictures of the test set.
class ViewsOfPictures : public testing::Test {
 protected:
  ViewsOfPictures() {
    DatasetOptions options;
    options.dataset = "synthetic";
    options.synthetic_shape = shape;
    options.synthetic_classes = classes;
    options.synthetic_samples = 5 * samples;
    dataset_ = open_dataset(options);
    std::iota(all_.begin(), all_.end(), 0);
  }

  /// Adds the probabilities of picture `j`, mirrored and then shifted down and right by `shift`.
  void add_probabilities(const Samples& read, Index j, bool mirrored, Index shift, std::vector<double>& sums) const {
    const auto pixels = read.sample(j);
    std::vector<double> outputs(static_cast<std::size_t>(classes));
    for (Index row = 0; row < shape.height; ++row) {
      for (Index column = 0; column < shape.width; ++column) {
        const Index to_row = row + shift;
        const Index to_column = (mirrored ? shape.width - 1 - column : column) + shift;
        if (to_row < 0 || to_row >= shape.height || to_column < 0 || to_column >= shape.width) continue;
        for (Index channel = 0; channel < shape.channels; ++channel) {
          const auto from = static_cast<std::size_t>((row * shape.width + column) * shape.channels + channel);
          const double x = (pixels[from] - 128.0) / 255;
          const Index input = (to_row * shape.width + to_column) * shape.channels + channel;
          for (Index c = 0; c < classes; ++c) outputs[static_cast<std::size_t>(c)] += weights_(c, input) * x;
        }
      }
    }
    double total = 0;
    for (double& output : outputs) total += output = std::exp(output);
    for (std::size_t c = 0; c < outputs.size(); ++c) sums[c] += outputs[c] / total;
  }

  /// The share of right answers; `shifts` are those of the views, each as it is and mirrored.
  [[nodiscard]] double expected_accuracy(const std::vector<Index>& shifts) const {
    const Samples read = dataset_.test->read(all_);
    Index right = 0;
    for (Index j = 0; j < samples; ++j) {
      std::vector<double> sums(static_cast<std::size_t>(classes));
      for (const Index shift : shifts) {
        add_probabilities(read, j, false, shift, sums);
        add_probabilities(read, j, true, shift, sums);
      }
      const auto best = std::max_element(sums.begin(), sums.end()) - sums.begin();
      right += best == read.labels[static_cast<std::size_t>(j)] ? 1 : 0;
    }
    return static_cast<double>(right) / static_cast<double>(samples);
  }

  std::unique_ptr<Device> device_ = make_cpu_device(1);
  Communicator world_ = make_mpi_communicator();
  Dataset dataset_;
  std::vector<Index> all_ = std::vector<Index>(samples);
  NetworkSpec spec_ = parse_network("dense(5)", shape, Loss::softmax_cross_entropy, Activation::relu);
  Network network_ = make_network(*device_, spec_, {}, 3);
  naive::Dense weights_ = naive::download(*device_, network_.parameters.front().matrix.view());
};

TEST_F(ViewsOfPictures, AccuracyIsThatOfMeanProbabilities) {
  const std::vector<Real> shift(static_cast<std::size_t>(shape.size()), 128);
  const std::vector<Real> scale(static_cast<std::size_t>(shape.size()), Real(1) / Real(255));
  const DeviceNormalisation normalisation = to_device(*device_, {NormalisationKind::mean, shift, scale, shape});
  const LocalSplit split = load_split(*device_, world_, *dataset_.test, all_, 11);
  Workspace workspace(*device_, world_, network_, 16);  // several chunks
  const double plain = evaluate(*device_, world_, split, normalisation, workspace)->accuracy;
  const auto accuracy = [&](Views views) {
    return accuracy_with_views(*device_, world_, split, normalisation, workspace, views);
  };
  EXPECT_DOUBLE_EQ(accuracy(Views::none), plain);
  EXPECT_DOUBLE_EQ(accuracy(Views::flip), expected_accuracy({0}));
  EXPECT_DOUBLE_EQ(accuracy(Views::flip_translate), expected_accuracy({0, -1, 1}));
  EXPECT_NE(expected_accuracy({0}), plain);
  EXPECT_NE(expected_accuracy({0}), expected_accuracy({0, -1, 1}));
  EXPECT_DOUBLE_EQ(evaluate(*device_, world_, split, normalisation, workspace)->accuracy, plain);
}

TEST(Views, NeedPictures) {
  EXPECT_TRUE(has_views({1, 1, 9}, Views::none));
  EXPECT_FALSE(has_views({1, 1, 9}, Views::flip));
  EXPECT_FALSE(has_views({9, 1, 3}, Views::flip));
  EXPECT_TRUE(has_views({1, 9, 1}, Views::flip));
  EXPECT_FALSE(has_views({1, 9, 1}, Views::flip_translate));
  EXPECT_TRUE(has_views({2, 2, 1}, Views::flip_translate));
}

}  // namespace
}  // namespace sibp
