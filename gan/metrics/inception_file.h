// The weights of the FID's Inception-v3 as files: as PyTorch has them, and as we keep them.
//
// The community's file is pt_inception-2015-12-05-6726825d.pth (of pytorch-fid; torch-fidelity's
// has the same weights): a state_dict of "<layer>.conv.weight" [out, in, height, width] and
// "<layer>.bn." weight, bias, running_mean, running_var [out] for every convolution, and
// "fc.weight" [1008, 2048], "fc.bias". The end of its name is that of its SHA-256. Ours is a
// safetensors file (nn/safetensors.h) of the same tensors, with the metadata
//
//   role           "inception"
//   source         the name of the file that it was made of
//   source_sha256  its digest
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "engine/kernels/channels_last.h"
#include "gan/metrics/inception_graph.h"
#include "nn/safetensors.h"

namespace miniray {

// What the SHA-256 of the community's file begins with.
inline constexpr std::string_view kInceptionDigest = "6726825d";

struct InceptionConversion {
  std::int64_t tensors = 0;
  bool known = false;  // whether the source is the community's file
};

// Reads `source` and writes `target`. Throws not found or io, naming the path, and corrupt, naming
// what is wrong: a tensor that is missing, of another shape, or of none of the network's layers.
InceptionConversion convert_inception(const std::filesystem::path& source,
                                      const std::filesystem::path& target);

// Whether a file that convert_inception wrote holds the community's weights.
bool is_known_inception(const SafetensorsFile& file);

// The graph's layers, batch normalisation folded into their weights. Throws corrupt, naming the
// file and the tensor.
std::vector<InferenceConv> load_inception(const SafetensorsFile& file, const InceptionGraph& graph);

}  // namespace miniray
