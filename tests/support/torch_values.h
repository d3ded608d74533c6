// The committed values of tests/data/torch, made by tests/torch/make_values.py.
#pragma once

#include <gtest/gtest.h>

#include <cmath>
#include <fstream>
#include <nlohmann/json.hpp>
#include <span>
#include <string>
#include <vector>

#include "engine/flat_buffer.h"

namespace miniray::testing {

inline nlohmann::json torch_values(const std::string& name) {
  std::ifstream file(std::string(MINIRAY_TEST_DATA) + "/torch/" + name + ".json");
  return nlohmann::json::parse(file);
}

template <class T>
std::vector<T> numbers(const nlohmann::json& values) {
  return values.get<std::vector<T>>();
}

// Copies the slices of a state_dict into a flat buffer.
template <class T>
void load_state(const nlohmann::json& state, const SliceTable& table, std::span<T> buffer) {
  for (const Slice& slice : table.slices()) {
    const auto values = numbers<T>(state.at(slice.name));
    ASSERT_EQ(static_cast<std::int64_t>(values.size()), slice.size()) << slice.name;
    write_slice<T>(values, slice, buffer);
  }
}

// |found - expected| <= tolerance max(1, |expected|), element by element.
template <class T>
void expect_close(std::span<const T> found, const nlohmann::json& values, double tolerance,
                  const std::string& what) {
  const auto expected = numbers<double>(values);
  ASSERT_EQ(found.size(), expected.size()) << what;
  for (std::size_t i = 0; i < expected.size(); ++i) {
    ASSERT_NEAR(found[i], expected[i], tolerance * std::max(1.0, std::abs(expected[i])))
        << what << ", element " << i;
  }
}

template <class T>
void expect_state(std::span<const T> buffer, const SliceTable& table, const nlohmann::json& state,
                  double tolerance) {
  for (const Slice& slice : table.slices()) {
    std::vector<T> rows(static_cast<std::size_t>(slice.size()));
    read_slice<T>(buffer, slice, rows);
    expect_close<T>(rows, state.at(slice.name), tolerance, slice.name);
  }
}

}  // namespace miniray::testing
