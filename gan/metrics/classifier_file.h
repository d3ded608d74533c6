// A trained classifier as a safetensors file (nn/safetensors.h). The metadata:
//
//   role           "classifier"
//   image_shape    "3x32x32"
//   classes        "10"
//   widths         "24x48x48": of the convolutions; strides likewise
//   data           the data set that it learned: "cifar10"
//   test_accuracy  "0.8412": the part of other pictures of that kind that it names rightly
//   epochs, seed   how it was trained
#pragma once

#include <filesystem>
#include <string>

#include "gan/metrics/classifier.h"
#include "nn/safetensors.h"

namespace miniray {

struct TrainedClassifier {
  ClassifierSpec spec;
  Network<float> network;
  std::string data;
  double test_accuracy = 0;
};

// Throws io, naming the path; what stood there stays as it was.
void save_classifier(const std::filesystem::path& path, const TrainedClassifier& classifier,
                     std::int64_t epochs, std::uint64_t seed);
// Throws corrupt, naming the file and what is wrong.
TrainedClassifier load_classifier(const SafetensorsFile& file);

}  // namespace miniray
