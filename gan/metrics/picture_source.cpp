#include "gan/metrics/picture_source.h"

#include <algorithm>

#include "engine/error.h"
#include "gan/sampler.h"

namespace miniray {
namespace {

Images read_dataset(const ThreadBudget& threads, const Dataset& dataset, std::int64_t first,
                    std::int64_t count) {
  const Shape shape = dataset.sample_shape();
  Images images{count, shape[1], shape[2], shape[0], {}};
  images.pixels.resize(static_cast<std::size_t>(count * images.image_bytes()));
  threads.for_each_tile(count, [&](std::int64_t i) {
    std::vector<std::uint8_t> planes(static_cast<std::size_t>(images.image_bytes()));
    dataset.copy_sample(first + i, planes);
    const std::int64_t pixels = images.height * images.width;
    std::uint8_t* to = images.pixels.data() + i * images.image_bytes();
    for (std::int64_t p = 0; p < pixels; ++p) {
      for (std::int64_t c = 0; c < images.channels; ++c) {
        *to++ = planes[static_cast<std::size_t>(c * pixels + p)];
      }
    }
  });
  return images;
}

// Of Sampler, with the generator kept alive.
struct Generation {
  Generation(const ThreadBudget& threads, std::shared_ptr<const LoadedGenerator> loaded)
      : generator(std::move(loaded)), sampler(threads, generator->network, generator->spec) {}

  std::shared_ptr<const LoadedGenerator> generator;
  Sampler sampler;
};

}  // namespace

PictureSource pictures_of(const Dataset& dataset, std::int64_t count) {
  const std::int64_t taken = count == 0 ? dataset.size() : std::min(count, dataset.size());
  return {dataset.name(), taken, dataset.sample_shape(), [&dataset](const ThreadBudget& threads) {
            return [&dataset, &threads](std::int64_t first, std::int64_t size) {
              return read_dataset(threads, dataset, first, size);
            };
          }};
}

PictureSource generated_pictures(std::shared_ptr<const LoadedGenerator> generator,
                                 std::uint64_t seed, std::int64_t count) {
  const Shape shape = generator->spec.image_shape;
  return {"the generator", count, shape,
          [generator = std::move(generator), seed](const ThreadBudget& threads) -> PictureReader {
            auto generation = std::make_shared<Generation>(threads, generator);
            return [generation, seed](std::int64_t first, std::int64_t size) {
              return generation->sampler.generate(seed, first, size);
            };
          }};
}

}  // namespace miniray
