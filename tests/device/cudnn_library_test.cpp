// The real library through the functions that open it: what it answers without a GPU.
#include "sibp/device/tensor_shape.hpp"

#include "device/cudnn_plan.hpp"

#include <array>
#include <tuple>

#include <cudnn.h>
#include <dlfcn.h>
#include <gtest/gtest.h>

namespace sibp {
namespace {

bool is_installed() {
  return dlopen("libcudnn.so.9", RTLD_NOW) != nullptr;
}

TEST(CudnnLibrary, IsOpenedWhereItIsInstalled) {
  const std::size_t version = cudnnGetVersion();
  EXPECT_EQ(version / 10000, is_installed() ? CUDNN_MAJOR : 0);
  EXPECT_STRNE(cudnnGetErrorString(CUDNN_STATUS_BAD_PARAM), "");
  cudnnHandle_t handle = nullptr;
  if (!is_installed()) {
    EXPECT_NE(cudnnCreate(&handle), CUDNN_STATUS_SUCCESS);
  }
}

TEST(CudnnLibrary, TakesTheDescriptorsAsTheyAreMeant) {
  if (!is_installed()) GTEST_SKIP() << "libcudnn.so.9 is not installed";
  const auto shape_of = reinterpret_cast<decltype(&cudnnGetTensor4dDescriptor)>(
      dlsym(dlopen("libcudnn.so.9", RTLD_NOW), "cudnnGetTensor4dDescriptor"));
  ASSERT_NE(shape_of, nullptr);
  const Window window{{7, 5, 3}, 3, 2, 2, 1};
  cuda::ConvolutionDescriptors descriptors(window, 4, Precision::fp32);
  descriptors.set_samples(6);
  const auto expect_shape = [&](cudnnTensorDescriptor_t tensor, const std::array<int, 8>& expected) {
    cudnnDataType_t type{};
    std::array<int, 8> found{};
    auto& [n, c, h, w, of_n, of_c, of_h, of_w] = found;
    ASSERT_EQ(shape_of(tensor, &type, &n, &c, &h, &w, &of_n, &of_c, &of_h, &of_w), CUDNN_STATUS_SUCCESS);
    EXPECT_EQ(type, CUDNN_DATA_FLOAT);
    EXPECT_EQ(found, expected);
  };
  expect_shape(descriptors.images(), {6, 3, 7, 5, 105, 1, 15, 3});
  expect_shape(descriptors.outputs(), {6, 4, 4, 3, 48, 1, 12, 4});
}

}  // namespace
}  // namespace sibp
