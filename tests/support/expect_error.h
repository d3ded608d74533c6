// Expects an Error of a kind whose message holds a text.
#pragma once

#include <gtest/gtest.h>

#include <string>

#include "engine/error.h"

namespace miniray::testing {

template <class Action>
void expect_error(ErrorKind kind, const std::string& part_of_message, Action&& action) {
  try {
    action();
    ADD_FAILURE() << "nothing was thrown; expected an error with '" << part_of_message << "'";
  } catch (const Error& error) {
    EXPECT_EQ(error.kind(), kind) << error.what();
    EXPECT_NE(std::string(error.what()).find(part_of_message), std::string::npos)
        << "'" << error.what() << "' lacks '" << part_of_message << "'";
  }
}

}  // namespace miniray::testing
