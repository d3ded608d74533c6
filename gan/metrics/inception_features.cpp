#include "gan/metrics/inception_features.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/file.h"
#include "engine/span.h"
#include "gan/metrics/inception_input.h"

namespace miniray {
namespace {

class InceptionPass final : public FeaturePass {
 public:
  InceptionPass(const ThreadBudget& threads, const InceptionGraph& graph,
                const std::vector<InferenceConv>& layers)
      : threads_(threads),
        graph_(graph),
        layers_(layers),
        plan_(plan_inception_memory(graph)),
        memory_({kBatch, plan_.elements}) {}

  void run(const Images& images, std::span<float> features, std::span<float> logits) override {
    for (std::int64_t first = 0; first < images.count; first += kBatch) {
      const std::int64_t count = std::min(kBatch, images.count - first);
      fill_inception_input(threads_, images, first, buffer(graph_.input, count));
      for (const InceptionStep& step : graph_.steps) run_step(step, count);
      copy_out(graph_.features, count, features.subspan(place(first, kInceptionFeatures)));
      copy_out(graph_.logits, count, logits.subspan(place(first, kInceptionClasses)));
    }
  }

 private:
  // Weights are read once for so many pictures, whose activations take 9 MB each.
  static constexpr std::int64_t kBatch = 16;

  static std::size_t place(std::int64_t image, std::int64_t size) {
    return static_cast<std::size_t>(image * size);
  }

  ChannelsLast<float> buffer(std::size_t index, std::int64_t images) {
    const InceptionBuffer& b = graph_.buffers[index];
    const std::int64_t row_stride = (b.width + 2 * b.border_width) * b.channels;
    float* const begin = memory_.data() + kBatch * plan_.offsets[index];
    return {.data = begin + b.border_height * row_stride + b.border_width * b.channels,
            .images = images,
            .height = b.height,
            .width = b.width,
            .channels = b.channels,
            .pixel_stride = b.channels,
            .row_stride = row_stride,
            .image_stride = b.elements(),
            .border_height = b.border_height,
            .border_width = b.border_width};
  }

  void run_step(const InceptionStep& step, std::int64_t images) {
    const ChannelsLast<const float> x = buffer(step.source, images).view();
    const ChannelsLast<float> whole = buffer(step.target, images);
    if (step.first_channel == 0) clear_border(threads_, whole);
    switch (step.kind) {
      case InceptionStep::Kind::kConv: {
        const InferenceConv& layer = layers_[step.layer];
        return layer.run(threads_, x, whole.slice(step.first_channel, layer.shape().out_channels));
      }
      case InceptionStep::Kind::kMaxPool:
        return max_pool(threads_, step.pool, x, whole.slice(step.first_channel, x.channels));
      case InceptionStep::Kind::kAveragePool:
        return average_pool(threads_, step.pool, x, whole.slice(step.first_channel, x.channels));
    }
  }

  void copy_out(std::size_t index, std::int64_t images, std::span<float> to) {
    const ChannelsLast<float> from = buffer(index, images);
    std::copy_n(from.data, images * from.channels, to.begin());
  }

  const ThreadBudget& threads_;
  const InceptionGraph& graph_;
  const std::vector<InferenceConv>& layers_;
  const InceptionMemory plan_;
  Tensor<float> memory_;
};

std::string identity_of(const SafetensorsFile& file) {
  const std::string text = "inception features 1, weights " + file.metadata("sha256");
  return sha256_hex(std::as_bytes(std::span(text)));
}

}  // namespace

InceptionFeatures::InceptionFeatures(const SafetensorsFile& file)
    : graph_(make_inception_graph()),
      layers_(load_inception(file, graph_)),
      known_(is_known_inception(file)),
      source_(file.metadata("source")),
      identity_(identity_of(file)) {}

std::string InceptionFeatures::suffix() const { return known_ ? "" : "-other-inception"; }

std::string InceptionFeatures::description() const {
  if (known_) return "inception: the Inception-v3 of 2015 that FID is defined by";
  return "inception: an Inception-v3 of other weights ('" + source_ +
         "'), whose numbers are not those of the literature";
}

void InceptionFeatures::check_images(const Shape& image_shape) const {
  if (image_shape.rank() == 3 && (image_shape[0] == 1 || image_shape[0] == 3)) return;
  throw invalid_argument("inception takes pictures of 1 or 3 channels, not " +
                         image_shape.to_string());
}

std::unique_ptr<FeaturePass> InceptionFeatures::make_pass(const ThreadBudget& threads) const {
  return std::make_unique<InceptionPass>(threads, graph_, layers_);
}

}  // namespace miniray
