// What a computation goes on from: named arrays and numbers, declared once by those who own them.
// Whoever saves, restores or copies a state goes through this list, so that what is declared is
// covered everywhere.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/stored_span.h"

namespace miniray {

// Points to its owners' memory, which must stay where it is meanwhile. Names are unique.
struct StateFields {
  struct Array {
    std::string name;
    StoredSpan<float> values;
    // What it begins as where the state of another number of ranks has none; empty: all have it.
    std::span<const float> otherwise{};
  };
  struct Count {
    std::string name;
    std::int64_t* value;
  };
  struct Number {
    std::string name;
    double* value;
  };

  // An empty array is none.
  void add(const std::string& name, StoredSpan<float> values,
           std::span<const float> otherwise = {}) {
    if (!values.empty()) arrays.push_back({name, values, otherwise});
  }
  void add(const std::string& name, std::int64_t& value) { counts.push_back({name, &value}); }
  void add(const std::string& name, double& value) { numbers.push_back({name, &value}); }

  std::vector<Array> arrays;
  std::vector<Count> counts;
  std::vector<Number> numbers;
};

}  // namespace miniray
