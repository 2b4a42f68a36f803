#include "sibp/core/printable.hpp"

#include <gtest/gtest.h>

namespace sibp {
namespace {

TEST(Printable, TextStays) {
  EXPECT_EQ(printable("a line\n\tand × another, 日本"), "a line\n\tand × another, 日本");
}

TEST(Printable, WhatATerminalObeysDoesNot) {
  EXPECT_EQ(printable("\x1b[2J\x1b]0;title\x07 gone\r\x7f"), "?[2J?]0;title? gone??");
  EXPECT_EQ(printable("one byte \xc2\x9b"
                      "31m"),
            "one byte ?31m");
  EXPECT_EQ(printable(std::string("zero\0", 5)), "zero?");
}

}  // namespace
}  // namespace sibp
