// The interface of a data set: numbered pictures of one shape, each of one class.
#pragma once

#include <cstdint>
#include <span>
#include <string>
#include <vector>

#include "engine/shape.h"

namespace miniray {

enum class Split { kTrain, kTest };

// Const functions may be called from any number of threads at once.
class Dataset {
 public:
  virtual ~Dataset() = default;

  virtual std::string name() const = 0;
  virtual std::int64_t size() const = 0;   // pictures
  virtual Shape sample_shape() const = 0;  // C x H x W
  virtual const std::vector<std::string>& class_names() const = 0;
  virtual int label(std::int64_t index) const = 0;  // of class_names()
  // Writes picture `index` as bytes, C x H x W.
  virtual void copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const = 0;
};

}  // namespace miniray
