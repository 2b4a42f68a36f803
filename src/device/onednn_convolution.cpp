// Convolutions on processors by oneDNN. It reads our images and outputs where they lie, channels fastest, and wants
// weights in an order of its own.
#include "sibp/core/error.hpp"
#include "sibp/core/types.hpp"
#include "sibp/device/network_operations.hpp"

#include "device/cpu_convolution.hpp"

#include <algorithm>
#include <map>
#include <string_view>
#include <type_traits>
#include <vector>

#include <fmt/format.h>
#include <oneapi/dnnl/dnnl.hpp>

// Of the OpenMP runtime that oneDNN computes with; its header belongs to one compiler.
extern "C" void omp_set_num_threads(int threads);

namespace sibp::cpu {
namespace {

using dnnl::memory;

const dnnl::engine& engine() {
  static const dnnl::engine cpu(dnnl::engine::kind::cpu, 0);
  return cpu;
}

dnnl::stream& stream() {
  static dnnl::stream in_order(engine());
  return in_order;
}

/// Memory of ours as oneDNN takes it: it has no const.
template <class Element>
memory at(const memory::desc& description, Element* data) {
  return {description, engine(), const_cast<Real*>(data)};
}

/// Puts a matrix of weights into another order.
class Reordering {
 public:
  Reordering(const memory::desc& from, const memory::desc& to)
      : from_(from), to_(to), work_({engine(), from, engine(), to}) {}
  void from_ours(ConstMatrixView from, const memory& to) {
    require(from.contiguous(), "the weights of a convolution have gaps");
    execute(at(from_, from.data), to);
  }
  void to_ours(const memory& from, MatrixView to) {
    require(to.contiguous(), "a product of a convolution has gaps");
    execute(from, at(to_, to.data));
  }

 private:
  void execute(const memory& from, const memory& to) {
    work_.execute(stream(), {{DNNL_ARG_FROM, from}, {DNNL_ARG_TO, to}});
  }

  memory::desc from_;
  memory::desc to_;
  dnnl::reorder work_;
};

/// The sizes of a convolution of so many samples, in oneDNN's order.
struct Problem {
  Problem(const ConvolutionShape& shape, Index samples)
      : images{samples, shape.window.input.channels, shape.window.input.height, shape.window.input.width},
        outputs{samples, shape.outputs, shape.window.output_height(), shape.window.output_width()},
        weights{shape.outputs, shape.window.input.channels, shape.window.kernel_height, shape.window.kernel_width},
        strides{shape.window.stride, shape.window.stride},
        before{shape.window.padding, shape.window.padding},
        // The window may leave some of the last pixels out.
        after{beyond(shape.window, outputs[2], shape.window.kernel_height, shape.window.input.height),
              beyond(shape.window, outputs[3], shape.window.kernel_width, shape.window.input.width)} {}

  [[nodiscard]] static memory::dim beyond(const Window& window, Index places, Index kernel, Index side) {
    return (places - 1) * window.stride + kernel - side - window.padding;
  }
  [[nodiscard]] static memory::desc in_order(const memory::dims& sizes) {
    return {sizes, memory::data_type::f32, memory::format_tag::nhwc};
  }
  [[nodiscard]] static memory::desc in_any_order(const memory::dims& sizes) {
    return {sizes, memory::data_type::f32, memory::format_tag::any};
  }
  [[nodiscard]] memory::desc bias() const { return {{weights[0]}, memory::data_type::f32, memory::format_tag::a}; }
  /// Ŵ without its biases, outputs × patch.
  [[nodiscard]] memory::desc ours() const {
    const memory::dim o = weights[0];
    return {weights, memory::data_type::f32, memory::dims{1, o, o * weights[1] * weights[3], o * weights[1]}};
  }
  /// Its transpose with the row of biases below, patch + 1 × outputs.
  [[nodiscard]] memory::desc ours_transposed() const {
    const memory::dim patch = weights[1] * weights[2] * weights[3];
    return {weights, memory::data_type::f32, memory::dims{patch + 1, 1, weights[1] * weights[3], weights[1]}};
  }

  memory::dims images, outputs, weights, strides, before, after;
};

constexpr auto algorithm = dnnl::algorithm::convolution_direct;

/// The three products for one number of samples.
class Plan {
 public:
  explicit Plan(const Problem& problem)
      : problem_(problem),
        forward_pd_({dnnl::prop_kind::forward_training, algorithm, Problem::in_order(problem.images),
                     Problem::in_any_order(problem.weights), problem.bias(), Problem::in_order(problem.outputs),
                     problem.strides, problem.before, problem.after},
                    engine()),
        weights_pd_(
            {algorithm, Problem::in_order(problem.images), Problem::in_any_order(problem.weights), problem.bias(),
             Problem::in_order(problem.outputs), problem.strides, problem.before, problem.after},
            engine(), forward_pd_),
        images_pd_({algorithm, Problem::in_order(problem.images), Problem::in_any_order(problem.weights),
                    Problem::in_order(problem.outputs), problem.strides, problem.before, problem.after},
                   engine(), forward_pd_),
        forward_(forward_pd_),
        of_weights_(weights_pd_),
        of_images_(images_pd_),
        to_forward_(problem.ours(), forward_pd_.weights_desc()),
        to_images_(problem.ours(), images_pd_.weights_desc()),
        from_product_(weights_pd_.diff_weights_desc(), problem.ours()),
        from_product_transposed_(weights_pd_.diff_weights_desc(), problem.ours_transposed()),
        forward_weights_(forward_pd_.weights_desc(), engine()),
        images_weights_(images_pd_.weights_desc(), engine()),
        product_(weights_pd_.diff_weights_desc(), engine()),
        bias_(problem.bias(), engine()) {}

  /// Whether there is machine code for all three: oneDNN has plain loops for what it does not know.
  [[nodiscard]] bool is_fast() const {
    const auto fast = [](const char* name) { return std::string_view(name).find("ref") == std::string_view::npos; };
    return fast(forward_pd_.impl_info_str()) && fast(weights_pd_.impl_info_str()) && fast(images_pd_.impl_info_str());
  }

  void forward(ConstMatrixView weights, const Real* images, Real* g) {
    to_forward_.from_ours(weights, forward_weights_);
    forward_.execute(stream(), {{DNNL_ARG_SRC, at(forward_pd_.src_desc(), images)},
                                {DNNL_ARG_WEIGHTS, forward_weights_},
                                {DNNL_ARG_BIAS, at(problem_.bias(), &weights(0, weights.cols - 1))},
                                {DNNL_ARG_DST, at(forward_pd_.dst_desc(), g)}});
  }

  /// S P̂ᵀ, outputs × fan_in.
  void product(const Real* s, const Real* images, MatrixView part) {
    multiply(s, images, at(problem_.bias(), &part(0, part.cols - 1)));
    from_product_.to_ours(product_, part);
  }

  /// P̂ Sᵀ, fan_in × outputs.
  void product_transposed(const Real* images, const Real* s, MatrixView part) {
    multiply(s, images, bias_);
    from_product_transposed_.to_ours(product_, part);
    const auto* biases = static_cast<const Real*>(bias_.get_data_handle());
    for (Index o = 0; o < part.cols; ++o) part(part.rows - 1, o) = biases[o];
  }

  void carry(ConstMatrixView weights, const Real* s, Real* images) {
    to_images_.from_ours(weights, images_weights_);
    of_images_.execute(stream(), {{DNNL_ARG_DIFF_DST, at(images_pd_.diff_dst_desc(), s)},
                                  {DNNL_ARG_WEIGHTS, images_weights_},
                                  {DNNL_ARG_DIFF_SRC, at(images_pd_.diff_src_desc(), images)}});
  }

 private:
  void multiply(const Real* s, const Real* images, const memory& bias) {
    of_weights_.execute(stream(), {{DNNL_ARG_SRC, at(weights_pd_.src_desc(), images)},
                                   {DNNL_ARG_DIFF_DST, at(weights_pd_.diff_dst_desc(), s)},
                                   {DNNL_ARG_DIFF_WEIGHTS, product_},
                                   {DNNL_ARG_DIFF_BIAS, bias}});
  }

  Problem problem_;
  dnnl::convolution_forward::primitive_desc forward_pd_;
  dnnl::convolution_backward_weights::primitive_desc weights_pd_;
  dnnl::convolution_backward_data::primitive_desc images_pd_;
  dnnl::convolution_forward forward_;
  dnnl::convolution_backward_weights of_weights_;
  dnnl::convolution_backward_data of_images_;
  Reordering to_forward_, to_images_, from_product_, from_product_transposed_;
  memory forward_weights_, images_weights_, product_, bias_;
};

class OneDnnConvolution final : public ConvolutionProducts {
 public:
  explicit OneDnnConvolution(const ConvolutionShape& shape) : shape_(shape) {}

  [[nodiscard]] bool is_fast() { return plan(shape_.samples).is_fast(); }

  void forward(ConstMatrixView weights, ConstMatrixView images, MatrixView g) override {
    plan(images.cols).forward(weights, images.data, g.data);
  }
  void delta_and_inputs(Real alpha, ConstMatrixView s, ConstMatrixView images, MatrixView part) override {
    plan(images.cols).product(s.data, images.data, part);
    scale(alpha, part);
  }
  void inputs_and_delta(Real alpha, ConstMatrixView images, ConstMatrixView s, MatrixView part) override {
    plan(images.cols).product_transposed(images.data, s.data, part);
    scale(alpha, part);
  }
  void carry(ConstMatrixView weights, ConstMatrixView s, Real beta, MatrixView images) override {
    if (beta == Real(0)) {
      plan(images.cols).carry(weights, s.data, images.data);
    } else {
      add_carried(weights, s, images);
    }
  }

 private:
  /// oneDNN cannot add to what is there: some samples at a time, in memory that fits the cache.
  void add_carried(ConstMatrixView weights, ConstMatrixView s, MatrixView images) {
    const Index at_once = std::clamp<Index>(elements_at_hand / images.rows, 1, images.cols);
    carried_.resize(static_cast<std::size_t>(images.rows * at_once));
    const Index columns = s.cols / images.cols;  // of a sample
    for (Index first = 0; first < images.cols; first += at_once) {
      const MatrixView to = images.block(0, first, images.rows, std::min(at_once, images.cols - first));
      plan(to.cols).carry(weights, &s(0, first * columns), carried_.data());
      for (Index k = 0; k < to.size(); ++k) to.data[k] += carried_[static_cast<std::size_t>(k)];
    }
  }

  /// Made at the first batch of a size: a run has few.
  Plan& plan(Index samples) {
    const auto found = plans_.find(samples);
    return found != plans_.end() ? found->second : plans_.try_emplace(samples, Problem(shape_, samples)).first->second;
  }
  static void scale(Real alpha, MatrixView part) {
    for (Index k = 0; k < part.size(); ++k) part.data[k] *= alpha;
  }

  ConvolutionShape shape_;
  std::map<Index, Plan> plans_;  ///< by samples
  std::vector<Real> carried_;    ///< what is to be added to some samples' difference
};

}  // namespace

std::string convolution_library() {
  const dnnl_version_t& version = *dnnl_version();
  return fmt::format("oneDNN {}.{}.{}", version.major, version.minor, version.patch);
}

std::unique_ptr<ConvolutionProducts> make_convolution(const ConvolutionShape& shape, int threads) {
  if (!std::is_same_v<Real, float> || shape.images_have_gaps || shape.outputs_have_gaps || shape.samples == 0)
    return nullptr;
  if (threads > 0) omp_set_num_threads(threads);
  try {
    auto convolution = std::make_unique<OneDnnConvolution>(shape);
    if (convolution->is_fast()) return convolution;
  } catch (const dnnl::error&) {  // it has no way at all
  }
  return nullptr;
}

}  // namespace sibp::cpu
