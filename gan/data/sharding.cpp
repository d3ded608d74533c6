#include "gan/data/sharding.h"

#include <numeric>

#include "engine/error.h"
#include "gan/data/batch.h"

namespace miniray {
namespace {

std::vector<std::uint32_t> all_pictures(const Dataset& dataset) {
  std::vector<std::uint32_t> indices(static_cast<std::size_t>(dataset.size()));
  std::iota(indices.begin(), indices.end(), 0U);
  return indices;
}

std::vector<std::uint32_t> contiguous_part(const std::vector<std::uint32_t>& all, int rank,
                                           int world_size) {
  const auto size = static_cast<std::int64_t>(all.size());
  return {all.begin() + size * rank / world_size, all.begin() + size * (rank + 1) / world_size};
}

template <class Predicate>
std::vector<std::uint32_t> pictures_where(const Dataset& dataset, Predicate predicate) {
  std::vector<std::uint32_t> indices;
  for (std::int64_t i = 0; i < dataset.size(); ++i) {
    if (predicate(i)) indices.push_back(static_cast<std::uint32_t>(i));
  }
  return indices;
}

std::vector<std::uint32_t> by_class(const Dataset& dataset, int rank, int world_size) {
  const auto classes = static_cast<int>(dataset.class_names().size());
  if (world_size > classes) {
    throw invalid_argument("--sharding by-class has a part for at most " + std::to_string(classes) +
                           " workers, one a class; there are " + std::to_string(world_size));
  }
  return pictures_where(dataset,
                        [&](std::int64_t i) { return dataset.label(i) % world_size == rank; });
}

}  // namespace

Sharding make_sharding(const std::string& name, std::uint64_t seed) {
  if (name == "contiguous") {
    return [](const Dataset& dataset, int rank, int world_size, std::int64_t) {
      return contiguous_part(all_pictures(dataset), rank, world_size);
    };
  }
  if (name == "strided") {
    return [](const Dataset& dataset, int rank, int world_size, std::int64_t) {
      return pictures_where(dataset, [&](std::int64_t i) { return i % world_size == rank; });
    };
  }
  if (name == "reshuffle") {
    return [seed](const Dataset& dataset, int rank, int world_size, std::int64_t epoch) {
      return contiguous_part(epoch_order(all_pictures(dataset), seed, 0, epoch), rank, world_size);
    };
  }
  if (name == "by-class") {
    return [](const Dataset& dataset, int rank, int world_size, std::int64_t) {
      return by_class(dataset, rank, world_size);
    };
  }
  throw invalid_argument("there is no sharding '" + name +
                         "'; there are contiguous, strided, reshuffle and by-class");
}

}  // namespace miniray
