#include "engine/flat_buffer.h"

#include <algorithm>

#include "engine/error.h"

namespace miniray {

Slice SliceTable::declare(const std::string& name, const Shape& shape, Layout layout) {
  for (const Slice& slice : slices_) {
    if (slice.name == name) throw invalid_argument("slice '" + name + "' is declared twice");
  }
  slices_.push_back({name, shape, buffer_size_, layout});
  element_count_ += shape.elements();
  buffer_size_ += (shape.elements() + kAlignment - 1) / kAlignment * kAlignment;
  return slices_.back();
}

const Slice& SliceTable::find(std::string_view name) const {
  const auto found =
      std::find_if(slices_.begin(), slices_.end(), [&](const Slice& s) { return s.name == name; });
  if (found == slices_.end()) throw not_found("there is no slice '" + std::string(name) + "'");
  return *found;
}

}  // namespace miniray
