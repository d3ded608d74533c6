// Differentiable augmentation of what D sees: Zhao et al., "Differentiable Augmentation for
// Data-Efficient GAN Training" (arXiv 2006.10738), with the ranges of its reference implementation.
//
// D sees real and fake pictures through the same random transforms, so that it cannot learn the few
// real ones by heart; each transform is linear in the picture, so that D's gradient goes back
// through it to G. In this order, of a picture x [C, H, W]:
//
//   colour       x + b; then x_c := m + s (x_c - m), m the pixel's mean over channels; then
//                x := M + c (x - M), M the picture's mean: brightness, saturation, contrast
//   translation  moved by up to 1/8 of each side, zeros from beyond the edge
//   cutout       zeros in a rectangle of half of each side, its centre anywhere in the picture
#pragma once

#include <cstdint>
#include <span>
#include <string>

#include "engine/parallel.h"
#include "engine/rng.h"
#include "engine/shape.h"
#include "nn/layer.h"

namespace miniray {

struct Augmentation {
  bool colour = false, translation = false, cutout = false;

  bool any() const { return colour || translation || cutout; }
};

// From words such as "color,translation,cutout", each at most once; empty: none. Throws invalid
// argument, naming the word that is not one.
Augmentation make_augmentation(const std::string& words);

// The random numbers of one picture.
struct AugmentationDraw {
  float brightness;                // added, in [-1/2, 1/2)
  float saturation;                // a factor in [0, 2)
  float contrast;                  // a factor in [1/2, 3/2)
  std::int64_t down, right;        // pixels by which the picture moves
  std::int64_t cut_top, cut_left;  // the rectangle's first row and column, which may lie outside
};

// A function of (key, sample) and the shape alone.
AugmentationDraw draw_augmentation(const RandomKey& key, std::uint64_t sample, const Shape& image);

// One picture, in place; calling thread only.
void augment_picture(const Augmentation& augmentation, const AugmentationDraw& draw,
                     const Shape& image, std::span<float> picture);
// Its adjoint: from the gradient of the result to that of the picture.
void augment_picture_backward(const Augmentation& augmentation, const AugmentationDraw& draw,
                              const Shape& image, std::span<float> gradient);

// A batch, each row with the draw of its number in the stream `key`. y may not overlap x.
void augment(const ThreadBudget& threads, const Augmentation& augmentation, const RandomKey& key,
             const SampleNumbers& samples, const Shape& image, std::span<const float> x,
             std::span<float> y);
void augment_backward(const ThreadBudget& threads, const Augmentation& augmentation,
                      const RandomKey& key, const SampleNumbers& samples, const Shape& image,
                      std::span<float> gradient);

}  // namespace miniray
