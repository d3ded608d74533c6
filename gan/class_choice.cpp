#include "gan/class_choice.h"

#include <algorithm>
#include <charconv>
#include <optional>

#include "engine/error.h"

namespace miniray {
namespace {

constexpr std::size_t kShownNames = 20;

std::string list_of(const std::vector<std::string>& names) {
  std::string list;
  for (std::size_t i = 0; i < std::min(names.size(), kShownNames); ++i) {
    list += (i > 0 ? ", " : "") + names[i];
  }
  return names.size() > kShownNames ? list + ", ..." : list;
}

std::optional<std::int64_t> find_class(const std::vector<std::string>& names,
                                       const std::string& text) {
  const auto found = std::ranges::find(names, text);
  if (found != names.end()) return found - names.begin();
  std::int64_t number = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), number);
  if (failure != std::errc() || end != text.data() + text.size()) return std::nullopt;
  if (number < 0 || number >= static_cast<std::int64_t>(names.size())) return std::nullopt;
  return number;
}

}  // namespace

ClassOf choose_class(const GanSpec& spec, const std::string& text) {
  if (text.empty() || text == "all") {
    return [count = spec.class_count()](std::int64_t picture) { return picture % count; };
  }
  if (!spec.conditional()) {
    throw invalid_argument("the model takes no classes, so not '" + text +
                           "'; one trained with --conditional would");
  }
  const auto found = find_class(spec.classes, text);
  if (!found) {
    throw invalid_argument("the model has no class '" + text + "'; there are 0 to " +
                           std::to_string(spec.class_count() - 1) + ": " + list_of(spec.classes));
  }
  return [number = *found](std::int64_t) { return number; };
}

}  // namespace miniray
