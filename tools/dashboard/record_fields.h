// The fields of one record, as tolerant readers see them: what is missing or of another kind has a
// default.
#pragma once

#include <simdjson.h>

#include <cmath>
#include <cstdint>
#include <limits>
#include <string>
#include <string_view>

namespace miniray::dashboard {

class RecordFields {
 public:
  explicit RecordFields(simdjson::dom::object object) : object_(object) {}

  // Texts are cut at kMaxText bytes.
  static constexpr std::size_t kMaxText = 2000;
  std::string text(std::string_view key) const {
    std::string_view value;
    if (object_[key].get(value) != simdjson::SUCCESS) return {};
    return std::string(value.substr(0, kMaxText));
  }

  // Whole numbers that a double holds exactly, others are 0.
  std::int64_t integer(std::string_view key) const {
    const double value = number(key);
    constexpr double kLimit = 9007199254740992.0;  // 2^53
    return std::abs(value) <= kLimit ? static_cast<std::int64_t>(value) : 0;
  }

  // NaN where there is none.
  double number(std::string_view key) const {
    double value = 0;
    if (object_[key].get(value) != simdjson::SUCCESS) {
      return std::numeric_limits<double>::quiet_NaN();
    }
    return value;
  }
  float real(std::string_view key) const { return static_cast<float>(number(key)); }

  // Milliseconds since 1970 of the record's time; 0 where it is none.
  std::int64_t time_ms() const;

  simdjson::dom::object object() const { return object_; }

 private:
  simdjson::dom::object object_;
};

}  // namespace miniray::dashboard
