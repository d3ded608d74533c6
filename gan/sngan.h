// The residual networks of SNGAN (Miyato et al., arXiv 1802.05957, table 4) for 32x32 pixels, and
// those of its authors for larger ones (Miyato and Koyama, arXiv 1802.05637).
#pragma once

#include "gan/models.h"

namespace miniray {

// The channels at width 1 of the generator's first pictures and of each block's output, and of each
// block's output of the discriminator. Empty where sngan does not make pictures of this shape.
std::vector<std::int64_t> sngan_hidden(const Shape& image_shape);
std::vector<std::int64_t> sngan_d_hidden(const Shape& image_shape);

// z [latent_dim] -> Linear to 4x4 pixels -> blocks, each to twice as many a side -> BatchNorm2d,
// ReLU, 3x3 Conv2d. A block: BatchNorm2d, ReLU, Upsample, 3x3 Conv2d, BatchNorm2d, ReLU, 3x3
// Conv2d, plus a 1x1 Conv2d and Upsample of its input. Conditional: by ConditionalBatchNorm2d
// within blocks.
void add_sngan_generator(const GanSpec& spec, NetworkPlan<float>& plan);

// Image -> blocks -> ReLU, the sum over pixels -> Linear -> logit. A block: ReLU (but in the
// first), 3x3 Conv2d, ReLU, 3x3 Conv2d, AvgPool2d, plus its input through AvgPool2d and a 1x1
// Conv2d; the last blocks without AvgPool2d, where those that keep the channels add their input as
// it is. With minibatch_stddev the last block's input has that channel more. Pooled are pictures
// above 8x8 pixels, of images above 32x32 those above 4x4. Conditional: a projection is added to
// the logit.
void add_sngan_discriminator(const GanSpec& spec, NetworkPlan<float>& plan);

}  // namespace miniray
