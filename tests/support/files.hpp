#pragma once

// Files that tests make, and errors that they expect from them.

#include "sibp/core/error.hpp"

#include "support/temporary_folder.hpp"

#include <functional>
#include <string>
#include <vector>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

namespace sibp::testing_support {

/// Expects an Error of this status whose message holds all of `parts`.
inline void expect_error(ExitStatus status, const std::vector<std::string>& parts,
                         const std::function<void()>& action) {
  try {
    action();
    ADD_FAILURE() << "expected an error with " << testing::PrintToString(parts);
  } catch (const Error& error) {
    EXPECT_EQ(error.status(), status) << error.what();
    for (const auto& part : parts) EXPECT_THAT(error.what(), testing::HasSubstr(part));
  }
}

}  // namespace sibp::testing_support
