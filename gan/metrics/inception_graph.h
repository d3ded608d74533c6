// The Inception-v3 of the FID (Szegedy et al., arXiv 1512.00567, as trained by TensorFlow in 2015)
// as a list of steps over pictures with channels last. Layers have torchvision's names; what the
// network of 2015 does otherwise than torchvision's: means at the branches' ends leave the border
// out of their count, the last block ends its pooled branch with a maximum, and there are 1008
// classes.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "engine/kernels/channels_last.h"

namespace miniray {

inline constexpr std::int64_t kInceptionSide = 299;  // pixels of its input
inline constexpr std::int64_t kInceptionFeatures = 2048;
inline constexpr std::int64_t kInceptionClasses = 1008;

// Activations of one picture; `border` of zeros on either side, for the layers that read them.
struct InceptionBuffer {
  std::int64_t height, width, channels;
  std::int64_t border_height = 0, border_width = 0;

  std::int64_t elements() const {
    return (height + 2 * border_height) * (width + 2 * border_width) * channels;
  }
};

struct InceptionLayer {
  std::string name;  // "Mixed_5b.branch1x1", or "fc"
  InferenceConvShape shape;
};

// Reads all of buffer `source`, writes channels of buffer `target` from first_channel on.
struct InceptionStep {
  enum class Kind { kConv, kMaxPool, kAveragePool };
  Kind kind;
  std::size_t source, target;
  std::int64_t first_channel = 0;
  std::size_t layer = 0;    // of a convolution
  PoolShape pool{1, 1, 0};  // of a pool
};

struct InceptionGraph {
  std::vector<InceptionBuffer> buffers;
  std::vector<InceptionLayer> layers;
  std::vector<InceptionStep> steps;
  std::size_t input = 0, features = 0, logits = 0;  // buffers
};

InceptionGraph make_inception_graph();

// Where each buffer begins in one piece of memory, in elements of a picture: buffers that are not
// in use at once share it; the input, the features and the logits share theirs with none.
struct InceptionMemory {
  std::vector<std::int64_t> offsets;
  std::int64_t elements = 0;
};
InceptionMemory plan_inception_memory(const InceptionGraph& graph);

}  // namespace miniray
