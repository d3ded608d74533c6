#include "gan/metrics/classifier_file.h"

#include <charconv>
#include <cstdio>

#include "engine/error.h"
#include "nn/network_tensors.h"

namespace miniray {
namespace {

const std::string kRole = "classifier";

std::string join(const std::vector<std::int64_t>& numbers) {
  std::string text;
  for (const std::int64_t number : numbers) {
    text += (text.empty() ? "" : "x") + std::to_string(number);
  }
  return text;
}

template <class Number>
Number parse(std::string_view text) {
  Number value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw invalid_argument("'" + std::string(text) + "' is not a number");
  }
  return value;
}

std::vector<std::int64_t> split(std::string_view text) {
  std::vector<std::int64_t> numbers;
  while (true) {
    const std::size_t cross = text.find('x');
    numbers.push_back(parse<std::int64_t>(text.substr(0, cross)));
    if (cross == std::string_view::npos) return numbers;
    text.remove_prefix(cross + 1);
  }
}

std::string four_digits(double value) {
  char text[32];
  std::snprintf(text, sizeof text, "%.4f", value);
  return text;
}

}  // namespace

void save_classifier(const std::filesystem::path& path, const TrainedClassifier& classifier,
                     std::int64_t epochs, std::uint64_t seed) {
  const ClassifierSpec& spec = classifier.spec;
  save_tensors(path, classifier.network,
               {{"role", kRole},
                {"image_shape", spec.image_shape.to_string()},
                {"classes", std::to_string(spec.classes)},
                {"widths", join(spec.widths)},
                {"strides", join(spec.strides)},
                {"data", classifier.data},
                {"test_accuracy", four_digits(classifier.test_accuracy)},
                {"epochs", std::to_string(epochs)},
                {"seed", std::to_string(seed)}});
}

TrainedClassifier load_classifier(const SafetensorsFile& file) {
  if (const std::string& role = file.metadata("role"); role != kRole) {
    throw corrupt("'" + file.name() + "' holds a " + role +
                  "; a file that gan_features made would be right");
  }
  try {
    ClassifierSpec spec;
    spec.image_shape = Shape::parse(file.metadata("image_shape"));
    spec.classes = parse<std::int64_t>(file.metadata("classes"));
    spec.widths = split(file.metadata("widths"));
    spec.strides = split(file.metadata("strides"));
    const double test_accuracy = parse<double>(file.metadata("test_accuracy"));
    return {spec, load_network(file, make_classifier_plan(spec)), file.metadata("data"),
            test_accuracy};
  } catch (const Error& error) {
    if (error.kind() != ErrorKind::kInvalidArgument) throw;
    throw corrupt("'" + file.name() + "' describes no classifier of ours: " + error.what());
  }
}

}  // namespace miniray
