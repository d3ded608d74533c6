#include "gan/state_file.h"

#include <algorithm>
#include <charconv>
#include <cmath>
#include <cstdio>

#include "engine/error.h"

namespace miniray {
namespace {

const std::string kKind = "training state";

Shape shape_of(const StateFields::Array& array) { return {array.values.size()}; }

std::string text(double value) {
  char text[40];
  std::snprintf(text, sizeof text, "%.17g", value);
  return text;
}

template <class T>
T parse_number(const SafetensorsFile& file, const std::string& name) {
  const std::string& digits = file.metadata(name);
  T value{};
  const char* const end = digits.data() + digits.size();
  const auto [next, failure] = std::from_chars(digits.data(), end, value);
  if (failure == std::errc() && next == end) return value;
  throw corrupt("'" + file.name() + "' says that " + name + " is '" + digits + "', no number");
}

void check_finite(const StateFields& fields) {
  const auto finite = [](auto value) { return std::isfinite(value); };
  const auto finite_rounded = [](Bfloat16 value) { return (~value.bits & 0x7F80) != 0; };
  for (const auto& array : fields.arrays) {
    if (!std::ranges::all_of(array.values.exact(), finite) ||
        !std::ranges::all_of(array.values.rounded(), finite_rounded)) {
      throw Error(ErrorKind::kDiverged, array.name + " holds a number that is not finite");
    }
  }
  for (const auto& number : fields.numbers) {
    if (!std::isfinite(*number.value)) {
      throw Error(ErrorKind::kDiverged, number.name + " is not finite");
    }
  }
}

}  // namespace

std::string write_state(const std::filesystem::path& path, const StateFields& fields) {
  check_finite(fields);
  std::vector<NamedTensor> tensors;
  for (const auto& array : fields.arrays) {
    tensors.push_back({array.name, shape_of(array), array.values});
  }
  Metadata metadata{{"kind", kKind}};
  for (const auto& count : fields.counts) metadata[count.name] = std::to_string(*count.value);
  for (const auto& number : fields.numbers) metadata[number.name] = text(*number.value);
  return write_safetensors(path, tensors, std::move(metadata));
}

StateFile::StateFile(const std::filesystem::path& path, const std::string& digest)
    : file_(SafetensorsFile::read(path)) {
  if (file_.metadata("kind") != kKind) {
    throw corrupt("'" + path.string() + "' holds no " + kKind);
  }
  if (file_.metadata("header_sha256") != digest) {
    throw corrupt("'" + path.string() + "' is not the file that the manifest names");
  }
}

void StateFile::check(const StateFields& fields) const {
  check_of_others(fields);
  for (const auto& array : fields.arrays) file_.check_tensor(array.name, shape_of(array));
  if (file_.tensor_names().size() != fields.arrays.size()) {
    throw corrupt("'" + file_.name() + "' holds more than this training has a place for");
  }
}

void StateFile::check_of_others(const StateFields& fields) const {
  for (const auto& array : fields.arrays) {
    if (has(array) || array.otherwise.empty()) file_.check_tensor(array.name, shape_of(array));
  }
  for (const auto& count : fields.counts) parse_number<std::int64_t>(file_, count.name);
  for (const auto& number : fields.numbers) parse_number<double>(file_, number.name);
}

bool StateFile::has(const StateFields::Array& array) const {
  const auto names = file_.tensor_names();
  return std::ranges::find(names, array.name) != names.end();
}

void StateFile::copy_to(const StateFields& fields) const {
  for (const auto& array : fields.arrays) {
    file_.copy_tensor(array.name, shape_of(array), array.values);
  }
  for (const auto& count : fields.counts) {
    *count.value = parse_number<std::int64_t>(file_, count.name);
  }
  for (const auto& number : fields.numbers) {
    *number.value = parse_number<double>(file_, number.name);
  }
}

void StateFile::add_to(const StateFields& fields) const {
  for (const auto& array : fields.arrays) {
    if (!has(array)) continue;
    std::vector<float> values(static_cast<std::size_t>(array.values.size())), sums(values.size());
    file_.copy_tensor(array.name, shape_of(array), values);
    load_numbers<float>(array.values, sums);
    for (std::size_t i = 0; i < values.size(); ++i) sums[i] += values[i];
    store_numbers<float>(sums, array.values);
  }
  for (const auto& count : fields.counts) {
    const auto more = parse_number<std::int64_t>(file_, count.name);
    if (__builtin_add_overflow(*count.value, more, count.value)) {
      throw corrupt("'" + file_.name() + "' says that " + count.name + " is " +
                    std::to_string(more) + ", which is out of all bounds");
    }
  }
  for (const auto& number : fields.numbers) {
    *number.value += parse_number<double>(file_, number.name);
  }
}

}  // namespace miniray
