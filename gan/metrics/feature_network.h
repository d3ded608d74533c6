// What turns pictures into the feature vectors that metrics compare.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <span>
#include <string>

#include "engine/parallel.h"
#include "gan/images.h"

namespace miniray {

// The memory of passes through a network. One thread at a time; several may be in use at once.
class FeaturePass {
 public:
  virtual ~FeaturePass() = default;
  // features [images.count, features] and logits [images.count, classes] of pictures that the
  // network takes. A picture's bits depend on it alone where calls begin at the same multiple of
  // kFeatureChunk pictures.
  virtual void run(const Images& images, std::span<float> features, std::span<float> logits) = 0;
};

// Const functions may be called from any number of threads at once.
class FeatureNetwork {
 public:
  virtual ~FeatureNetwork() = default;

  // What the names of metrics end with: "-builtin"; "" for the one whose numbers are known as FID.
  virtual std::string suffix() const = 0;
  // One line on what it is: the data set that it learned, and its accuracy there.
  virtual std::string description() const = 0;
  // The SHA-256 of the weights and of what is done around them.
  virtual const std::string& identity() const = 0;
  virtual std::int64_t features() const = 0;
  virtual std::int64_t classes() const = 0;
  // Throws invalid argument, with both shapes, where pictures C x H x W cannot be taken.
  virtual void check_images(const Shape& image_shape) const = 0;
  // `threads` and this must outlive the pass.
  virtual std::unique_ptr<FeaturePass> make_pass(const ThreadBudget& threads) const = 0;
};

inline constexpr std::int64_t kFeatureChunk = 256;  // pictures of one call to a pass

}  // namespace miniray
