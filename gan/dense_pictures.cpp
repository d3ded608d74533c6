#include "gan/dense_pictures.h"

#include <algorithm>
#include <cmath>
#include <utility>

#include "engine/kernels/gemm_panels.h"
#include "engine/span.h"
#include "nn/activation.h"
#include "nn/batch_norm.h"
#include "nn/batch_norm_saved.h"
#include "nn/dense.h"

namespace miniray {
namespace {

// Whether every layer reads the one before it, and nothing else is added.
bool is_chain(const NetworkPlan<float>& plan) {
  for (std::size_t s = 0; s < plan.stages().size(); ++s) {
    const Stage& stage = plan.stages()[s];
    if (stage.source != static_cast<Value>(s) - 1 || stage.addend != kNoValue) return false;
  }
  return true;
}

std::int64_t widest(const NetworkPlan<float>& plan) {
  std::int64_t width = plan.input_shape().elements();
  for (std::size_t i = 0; i + 2 < plan.layer_count(); ++i) {
    width = std::max(width, plan.output_shape(i).elements());
  }
  return width;
}

// Features of a piece of work: at least 8 pieces where they are many.
std::int64_t piece_rows(std::int64_t features) {
  return std::clamp<std::int64_t>((features / 8 + 3) / 4 * 4, 16, ChainKernels::kMaxRows);
}

}  // namespace

std::optional<DensePictures> DensePictures::of(const Network<float>& generator,
                                               const Shape& image_shape) {
  if (image_shape[1] * image_shape[2] % 4 != 0) return std::nullopt;
  auto links = links_of(generator.plan());
  if (!links) return std::nullopt;
  return DensePictures(generator, *std::move(links), image_shape);
}

std::optional<std::vector<DensePictures::Link>> DensePictures::links_of(
    const NetworkPlan<float>& plan) {
  const SliceTable &parameters = plan.parameters(), &statistics = plan.statistics();
  const std::size_t last = plan.layer_count() - 1;
  if (!is_chain(plan) || plan.layer(last).kind() != "Tanh") return std::nullopt;
  std::vector<Link> links;
  for (std::size_t i = 0; i < last; ++i) {
    const Layer<float>& layer = plan.layer(i);
    const std::string& name = plan.name(i);
    if (dynamic_cast<const Dense<float>*>(&layer) != nullptr) {
      links.emplace_back();
      links.back().weight = parameters.find(name + ".weight");
      links.back().bias = parameters.find(name + ".bias");
      continue;
    }
    if (links.empty() || links.back().normalised) return std::nullopt;
    Link& link = links.back();
    if (dynamic_cast<const BatchNorm1d<float>*>(&layer) != nullptr) {
      link.normalised = true;
      link.scale = parameters.find(name + ".weight");
      link.shift = parameters.find(name + ".bias");
      link.mean = statistics.find(name + ".running_mean");
      link.variance = statistics.find(name + ".running_var");
      link.inverse_deviation.resize(static_cast<std::size_t>(link.mean.size()));
    } else if (layer.kind() == "ReLU") {
      link.relu = true;
    } else {
      return std::nullopt;
    }
  }
  if (links.empty()) return std::nullopt;
  return links;
}

DensePictures::DensePictures(const Network<float>& generator, std::vector<Link> links,
                             const Shape& image_shape)
    : generator_(&generator),
      links_(std::move(links)),
      channels_(image_shape[0]),
      pixels_(image_shape[1] * image_shape[2]),
      inputs_({kPass, widest(generator.plan())}),
      outputs_({kPass, widest(generator.plan())}),
      pixel_panels_(static_cast<std::size_t>(kPass * image_shape.elements())) {}

ChainLayer DensePictures::layer(Link& link) const {
  const auto parameter = [&](const Slice& slice) {
    return slice_of(generator_->parameters(), slice).data();
  };
  ChainLayer layer;
  layer.out = link.bias.size();
  layer.in = link.weight.size() / layer.out;
  layer.weight = parameter(link.weight);
  layer.bias = parameter(link.bias);
  layer.relu = link.relu;
  if (!link.normalised) return layer;
  std::ranges::transform(slice_of(generator_->statistics(), link.variance),
                         link.inverse_deviation.begin(), [](float variance) {
                           return 1 / std::sqrt(variance + static_cast<float>(kBatchNormEpsilon));
                         });
  layer.mean = slice_of(generator_->statistics(), link.mean).data();
  layer.inverse_deviation = link.inverse_deviation.data();
  layer.scale = parameter(link.scale);
  layer.shift = parameter(link.shift);
  return layer;
}

void DensePictures::run(const ThreadBudget& threads, std::span<const float> latents,
                        std::uint8_t* hwc) {
  const std::int64_t latent_dim = generator_->plan().input_shape().elements();
  const std::int64_t rows = static_cast<std::int64_t>(latents.size()) / latent_dim;
  for (std::int64_t row = 0; row < rows; row += kPass) {
    const std::int64_t count = std::min(kPass, rows - row);
    run_part(threads, part(latents, row * latent_dim, count * latent_dim),
             hwc + row * channels_ * pixels_);
  }
}

void DensePictures::run_part(const ThreadBudget& threads, std::span<const float> latents,
                             std::uint8_t* hwc) {
  const ChainKernels& kernels = chain_kernels();
  const std::int64_t columns = kernels.columns;
  const std::int64_t latent_dim = generator_->plan().input_shape().elements();
  const std::int64_t rows = static_cast<std::int64_t>(latents.size()) / latent_dim;
  const std::int64_t samples = (rows + columns - 1) / columns * columns;
  for_each_range(threads, rows, columns, [&](std::int64_t row, std::int64_t) {
    panel_kernels<float>().pack_rows(rows, latent_dim, latents.data(), row,
                                     inputs_.data() + row * latent_dim);
  });
  auto* const bytes = reinterpret_cast<std::uint8_t*>(pixel_panels_.data());
  for (std::size_t i = 0; i < links_.size(); ++i) {
    const ChainLayer next = layer(links_[i]);
    const bool is_last = i + 1 == links_.size();
    for_each_range(
        threads, next.out, piece_rows(next.out), [&](std::int64_t first, std::int64_t count) {
          if (is_last) {
            kernels.pixel_piece(next, samples, inputs_.data(), first, count, bytes);
          } else {
            kernels.layer_piece(next, samples, inputs_.data(), first, count, outputs_.data());
          }
        });
    std::swap(inputs_, outputs_);
  }
  for_each_range(threads, rows, columns, [&](std::int64_t row, std::int64_t count) {
    kernels.pictures(channels_, pixels_, count, bytes + row * channels_ * pixels_,
                     hwc + row * channels_ * pixels_);
  });
}

}  // namespace miniray
