#include "gan/metrics/inception_file.h"

#include <algorithm>
#include <cmath>
#include <map>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/torch/torch_file.h"

namespace miniray {
namespace {

constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 30;
constexpr double kEpsilon = 0.001;  // of its batch normalisation
const std::string kRole = "inception";
const std::string kNormTensors[] = {".bn.weight", ".bn.bias", ".bn.running_mean",
                                    ".bn.running_var"};

struct ExpectedTensor {
  std::string name;
  Shape shape;
};

std::vector<ExpectedTensor> expected_tensors(const InceptionGraph& graph) {
  std::vector<ExpectedTensor> tensors;
  for (const auto& [name, shape] : graph.layers) {
    if (name == "fc") {
      tensors.push_back({"fc.weight", {shape.out_channels, shape.channels}});
      tensors.push_back({"fc.bias", {shape.out_channels}});
      continue;
    }
    tensors.push_back(
        {name + ".conv.weight",
         {shape.out_channels, shape.channels, shape.kernel_height, shape.kernel_width}});
    for (const std::string& norm : kNormTensors) {
      tensors.push_back({name + norm, {shape.out_channels}});
    }
  }
  return tensors;
}

[[noreturn]] void fail(const std::string& file, const std::string& what) {
  throw corrupt("'" + file + "' holds the weights of another network: " + what +
                "; those of the FID's Inception-v3 (pt_inception-2015-12-05-6726825d.pth) would be "
                "right");
}

// Counters of training steps, of which some files have one for each batch normalisation.
bool is_counter(const std::string& tensor) { return tensor.ends_with(".num_batches_tracked"); }

// The file's tensors by name, all of them expected.
std::map<std::string, const TorchTensor*> match(const TorchFile& file,
                                                const std::vector<ExpectedTensor>& expected) {
  std::map<std::string, const TorchTensor*> found;
  for (const TorchTensor& tensor : file.tensors()) found[tensor.name] = &tensor;
  for (const auto& [name, shape] : expected) {
    const auto tensor = found.find(name);
    if (tensor == found.end()) fail(file.name(), "it has no '" + name + "'");
    if (tensor->second->shape_text() != shape.to_string()) {
      fail(file.name(),
           "its '" + name + "' is " + tensor->second->shape_text() + ", not " + shape.to_string());
    }
  }
  for (const TorchTensor& tensor : file.tensors()) {
    if (!is_counter(tensor.name) &&
        std::ranges::find(expected, tensor.name, &ExpectedTensor::name) == expected.end()) {
      fail(file.name(), "it has a '" + tensor.name + "'");
    }
  }
  return found;
}

std::vector<float> read(const SafetensorsFile& file, const std::string& tensor,
                        const Shape& shape) {
  std::vector<float> values(static_cast<std::size_t>(shape.elements()));
  file.copy_tensor(tensor, shape, values);
  return values;
}

// y = (W x - mean) / sqrt(variance + epsilon) weight + bias, as one convolution with a bias.
InferenceConv load_folded(const SafetensorsFile& file, const InceptionLayer& layer) {
  const auto& [name, shape] = layer;
  std::vector<float> weights =
      read(file, name + ".conv.weight",
           {shape.out_channels, shape.channels, shape.kernel_height, shape.kernel_width});
  std::vector<std::vector<float>> norm;
  for (const std::string& tensor : kNormTensors) {
    norm.push_back(read(file, name + tensor, {shape.out_channels}));
  }
  const auto& [scale, shift, mean, variance] = std::tie(norm[0], norm[1], norm[2], norm[3]);
  const std::size_t size = weights.size() / scale.size();
  std::vector<float> bias(scale.size());
  for (std::size_t o = 0; o < scale.size(); ++o) {
    if (variance[o] < 0) {
      throw corrupt("'" + file.name() + "': '" + name + ".bn.running_var' holds a negative number");
    }
    const double factor = scale[o] / std::sqrt(variance[o] + kEpsilon);
    for (std::size_t i = o * size; i < (o + 1) * size; ++i) {
      weights[i] = static_cast<float>(weights[i] * factor);
    }
    bias[o] = static_cast<float>(shift[o] - mean[o] * factor);
  }
  return {shape, weights, bias};
}

}  // namespace

InceptionConversion convert_inception(const std::filesystem::path& source,
                                      const std::filesystem::path& target) {
  std::string bytes = read_file(source, kMaxFileBytes);
  const std::string digest = sha256_hex(std::as_bytes(std::span(bytes)));
  const TorchFile file = TorchFile::parse(std::move(bytes), source.string());
  const std::vector<ExpectedTensor> expected = expected_tensors(make_inception_graph());
  const auto found = match(file, expected);
  std::vector<std::vector<float>> values;
  std::vector<NamedTensor> tensors;
  for (const auto& [name, shape] : expected) {
    values.push_back(file.floats(*found.at(name)));
    if (!std::ranges::all_of(values.back(), [](float value) { return std::isfinite(value); })) {
      throw corrupt("'" + file.name() + "': '" + name + "' holds a number that is not finite");
    }
    tensors.push_back({name, shape, values.back()});
  }
  write_safetensors(
      target, tensors,
      {{"role", kRole}, {"source", source.filename().string()}, {"source_sha256", digest}});
  return {static_cast<std::int64_t>(tensors.size()), digest.starts_with(kInceptionDigest)};
}

bool is_known_inception(const SafetensorsFile& file) {
  return file.metadata("source_sha256").starts_with(kInceptionDigest);
}

std::vector<InferenceConv> load_inception(const SafetensorsFile& file,
                                          const InceptionGraph& graph) {
  const auto found = file.metadata().find("role");
  if (found == file.metadata().end() || found->second != kRole) {
    throw corrupt(
        "'" + file.name() +
        "' holds no Inception-v3; a file that 'gan_features convert' made would be right");
  }
  std::vector<InferenceConv> layers;
  for (const InceptionLayer& layer : graph.layers) {
    if (layer.name != "fc") {
      layers.push_back(load_folded(file, layer));
      continue;
    }
    const auto& shape = layer.shape;
    layers.emplace_back(shape, read(file, "fc.weight", {shape.out_channels, shape.channels}),
                        read(file, "fc.bias", {shape.out_channels}));
  }
  return layers;
}

}  // namespace miniray
