// Small networks of convolutions for the tests of methods.
#pragma once

#include "sibp/layer/language.hpp"

#include <array>

namespace sibp::testing_support {

inline constexpr TensorShape small_picture{6, 5, 2};
inline constexpr Index small_classes = 3;

inline constexpr std::array small_conv_nets{
    "conv(5,3,relu) maxpool(2) conv(4,3,stride=2) norm relu dense(5,tanh) dense(3)",
    "conv(4,3,tanh) residual( conv(6,3,stride=2) norm(group=2) relu conv(6,3) norm ) relu meanpool dense(3)",
    "conv(5,3) norm(scale=fixed) tanh conv(4,3,stride=2) norm(group=2,scale=fixed,relu) conv(4,1) norm dense(3)"};

inline NetworkSpec parse_small(const char* text) {
  return parse_network(text, small_picture, Loss::softmax_cross_entropy, Activation::relu);
}

}  // namespace sibp::testing_support
