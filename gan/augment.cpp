#include "gan/augment.h"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include "engine/error.h"
#include "engine/kernels/reduce.h"
#include "engine/span.h"

namespace miniray {
namespace {

constexpr std::int64_t kPicturesPerTile = 4;
constexpr std::int64_t kTranslationPart = 8;  // of a side: the furthest move
constexpr std::int64_t kCutoutPart = 2;       // of a side: the rectangle

float uniform(std::uint32_t bits) { return static_cast<float>(bits >> 8) * 0x1p-24F; }

std::int64_t below(std::uint32_t bits, std::int64_t bound) {
  return static_cast<std::int64_t>(std::uint64_t{bits} * static_cast<std::uint64_t>(bound) >> 32);
}

std::int64_t draw_move(std::uint32_t bits, std::int64_t side) {
  const std::int64_t furthest = side / kTranslationPart;
  return below(bits, 2 * furthest + 1) - furthest;
}

// An even rectangle may also be centred on the far edge.
std::int64_t draw_cut(std::uint32_t bits, std::int64_t side) {
  const std::int64_t extent = side / kCutoutPart;
  return below(bits, side + 1 - extent % 2) - extent / 2;
}

// The three steps of colour are one linear map, x_c := c s x_c + c (1 - s) m + (1 - c) M, and the
// brightness: means take them through unchanged. The map is its own adjoint.
void change_colour(const AugmentationDraw& draw, float brightness, std::int64_t channels,
                   std::span<float> picture) {
  constexpr std::int64_t kBlock = 256;
  const auto size = static_cast<std::int64_t>(picture.size());
  const std::int64_t pixels = size / channels;
  const float own = draw.contrast * draw.saturation;
  const float of_pixel = draw.contrast * (1 - draw.saturation) / static_cast<float>(channels);
  const float mean =
      reduce<float>().block_sum({1, size, size}, picture.data()) / static_cast<float>(size);
  const float constant = (1 - draw.contrast) * mean + brightness;
  std::array<float, kBlock> added;
  for (std::int64_t first = 0; first < pixels; first += kBlock) {
    const std::int64_t count = std::min(kBlock, pixels - first);
    added.fill(0);
    for (std::int64_t c = 0; c < channels; ++c) {
      const float* const x = picture.data() + c * pixels + first;
      for (std::int64_t i = 0; i < count; ++i) added[static_cast<std::size_t>(i)] += x[i];
    }
    for (float& value : added) value = of_pixel * value + constant;
    for (std::int64_t c = 0; c < channels; ++c) {
      float* const x = picture.data() + c * pixels + first;
      for (std::int64_t i = 0; i < count; ++i) {
        x[i] = own * x[i] + added[static_cast<std::size_t>(i)];
      }
    }
  }
}

void move_row(const float* from, std::int64_t width, std::int64_t right, float* to) {
  const std::int64_t kept = width - std::abs(right);
  if (right > 0) {
    std::copy_backward(from, from + kept, to + width);
    std::fill_n(to, right, 0.0F);
  } else {
    std::copy(from - right, from + width, to);
    std::fill_n(to + kept, -right, 0.0F);
  }
}

// Rows in such an order that none is overwritten before it has moved.
void move(std::int64_t down, std::int64_t right, std::int64_t height, std::int64_t width,
          float* plane) {
  for (std::int64_t i = 0; i < height; ++i) {
    const std::int64_t row = down > 0 ? height - 1 - i : i;
    const std::int64_t from = row - down;
    if (from < 0 || from >= height) {
      std::fill_n(plane + row * width, width, 0.0F);
    } else {
      move_row(plane + from * width, width, right, plane + row * width);
    }
  }
}

void cut(std::int64_t top, std::int64_t left, std::int64_t height, std::int64_t width,
         float* plane) {
  const std::int64_t bottom = std::min(height, top + height / kCutoutPart);
  const std::int64_t begin = std::max<std::int64_t>(0, left);
  const std::int64_t end = std::min(width, left + width / kCutoutPart);
  if (begin >= end) return;
  for (std::int64_t row = std::max<std::int64_t>(0, top); row < bottom; ++row) {
    std::fill(plane + row * width + begin, plane + row * width + end, 0.0F);
  }
}

template <class Body>
void for_each_plane(const Shape& image, std::span<float> picture, Body body) {
  for (std::int64_t c = 0; c < image[0]; ++c) body(picture.data() + c * image[1] * image[2]);
}

// Calls body(draw, picture) for each row of a batch.
template <class Body>
void for_each_picture(const ThreadBudget& threads, const RandomKey& key,
                      const SampleNumbers& samples, const Shape& image, std::size_t elements,
                      Body body) {
  const std::int64_t size = image.elements();
  for_each_range(threads, static_cast<std::int64_t>(elements) / size, kPicturesPerTile,
                 [&](std::int64_t first, std::int64_t count) {
                   for (std::int64_t row = first; row < first + count; ++row) {
                     const auto sample = static_cast<std::uint64_t>(samples.of_row(row));
                     body(draw_augmentation(key, sample, image), row * size);
                   }
                 });
}

}  // namespace

Augmentation make_augmentation(const std::string& words) {
  Augmentation augmentation;
  if (words.empty()) return augmentation;
  std::istringstream stream(words + ',');  // a last comma has an empty word behind it
  for (std::string word; std::getline(stream, word, ',');) {
    bool* const chosen = word == "color"         ? &augmentation.colour
                         : word == "translation" ? &augmentation.translation
                         : word == "cutout"      ? &augmentation.cutout
                                                 : nullptr;
    if (chosen == nullptr) {
      throw invalid_argument("an augmentation is color, translation or cutout, not '" + word + "'");
    }
    if (*chosen) throw invalid_argument("the augmentation '" + word + "' is asked for twice");
    *chosen = true;
  }
  return augmentation;
}

AugmentationDraw draw_augmentation(const RandomKey& key, std::uint64_t sample, const Shape& image) {
  const RandomBlock colour = random_block(key, 2 * sample);
  const RandomBlock place = random_block(key, 2 * sample + 1);
  return {.brightness = uniform(colour[0]) - 0.5F,
          .saturation = 2 * uniform(colour[1]),
          .contrast = uniform(colour[2]) + 0.5F,
          .down = draw_move(place[0], image[1]),
          .right = draw_move(place[1], image[2]),
          .cut_top = draw_cut(place[2], image[1]),
          .cut_left = draw_cut(place[3], image[2])};
}

void augment_picture(const Augmentation& augmentation, const AugmentationDraw& draw,
                     const Shape& image, std::span<float> picture) {
  if (augmentation.colour) change_colour(draw, draw.brightness, image[0], picture);
  for_each_plane(image, picture, [&](float* plane) {
    if (augmentation.translation) move(draw.down, draw.right, image[1], image[2], plane);
    if (augmentation.cutout) cut(draw.cut_top, draw.cut_left, image[1], image[2], plane);
  });
}

void augment_picture_backward(const Augmentation& augmentation, const AugmentationDraw& draw,
                              const Shape& image, std::span<float> gradient) {
  for_each_plane(image, gradient, [&](float* plane) {
    if (augmentation.cutout) cut(draw.cut_top, draw.cut_left, image[1], image[2], plane);
    if (augmentation.translation) move(-draw.down, -draw.right, image[1], image[2], plane);
  });
  if (augmentation.colour) change_colour(draw, 0, image[0], gradient);
}

void augment(const ThreadBudget& threads, const Augmentation& augmentation, const RandomKey& key,
             const SampleNumbers& samples, const Shape& image, std::span<const float> x,
             std::span<float> y) {
  for_each_picture(threads, key, samples, image, x.size(),
                   [&](const AugmentationDraw& draw, std::int64_t begin) {
                     const std::span<float> picture = part(y, begin, image.elements());
                     std::ranges::copy(part(x, begin, image.elements()), picture.begin());
                     augment_picture(augmentation, draw, image, picture);
                   });
}

void augment_backward(const ThreadBudget& threads, const Augmentation& augmentation,
                      const RandomKey& key, const SampleNumbers& samples, const Shape& image,
                      std::span<float> gradient) {
  for_each_picture(threads, key, samples, image, gradient.size(),
                   [&](const AugmentationDraw& draw, std::int64_t begin) {
                     augment_picture_backward(augmentation, draw, image,
                                              part(gradient, begin, image.elements()));
                   });
}

}  // namespace miniray
