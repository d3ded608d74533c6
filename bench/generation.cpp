// Pictures a second: the sampler alone, in turns with the machine's limit, and gan_generate's whole
// way from a model file to PNGs in a fresh folder, beside the file system's: as many files of that
// size, by its bare calls. One line, as that of peers/generate_pillow.py.
#include <fcntl.h>
#include <unistd.h>
#include <CLI/CLI.hpp>

#include <cerrno>
#include <cstdio>
#include <filesystem>
#include <string>
#include <vector>

#include "bench/machine.h"
#include "bench/step_products.h"
#include "bench/timing.h"
#include "engine/descriptor.h"
#include "engine/error.h"
#include "gan/image_generator.h"
#include "gan/model_file.h"
#include "gan/sampler.h"

namespace miniray::bench {
namespace {

constexpr std::int64_t kChunk = Sampler::kRun;  // pictures of one call

// Of the generator's products for one picture.
double picture_flop(const GanSpec& spec) {
  double flop = 0;
  for (const Product& product : step_products(spec, 1)) {
    const bool forward = product.kind == ProductKind::kForward;
    if (product.part == StepPart::kGenerator && forward) flop += product.flop();
  }
  return flop;
}

double time_sampler(const ThreadBudget& threads, const Network<float>& network, const GanSpec& spec,
                    std::int64_t images) {
  Sampler sampler(threads, network, spec);
  sampler.generate(1, 0, kChunk);  // warm up
  return time_ms([&] {
    for (std::int64_t first = 0; first < images; first += kChunk) {
      sampler.generate(1, first, std::min(kChunk, images - first));
    }
  });
}

// Files of `size` bytes in a fresh folder: what no program that writes so many can do without.
double time_files(const ThreadBudget& threads, std::int64_t count, std::int64_t size,
                  const std::filesystem::path& folder) {
  std::filesystem::create_directories(folder);
  const Descriptor directory(open(folder.c_str(), O_RDONLY | O_DIRECTORY));
  const std::vector<char> bytes(static_cast<std::size_t>(size));
  return time_ms([&] {
    threads.for_each_tile(count, [&](std::int64_t i) {
      const std::string name = std::to_string(i);
      const Descriptor file(
          openat(directory.get(), name.c_str(), O_WRONLY | O_CREAT | O_EXCL, 0666));
      if (write(file.get(), bytes.data(), bytes.size()) != static_cast<ssize_t>(size)) {
        throw io_error("cannot write '" + (folder / name).string() + "'", errno);
      }
    });
  });
}

// Of the files in a folder.
std::int64_t mean_size(const std::filesystem::path& folder) {
  std::uintmax_t bytes = 0, count = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    bytes += entry.file_size();
    ++count;
  }
  return static_cast<std::int64_t>(bytes / count);
}

// By the library's own class, the model loaded beforehand.
double time_pngs(ImageGenerator& generator, std::int64_t images,
                 const std::filesystem::path& folder) {
  return time_ms([&] {
    for (std::int64_t first = 0; first < images; first += kChunk) {
      const std::int64_t count = std::min(kChunk, images - first);
      generator.save_images(generator.generate(count, 1, first), folder, first);
    }
  });
}

}  // namespace
}  // namespace miniray::bench

int main(int argc, char** argv) {
  using namespace miniray;
  using namespace miniray::bench;
  int threads = 1, rounds = 3;
  std::int64_t images = 10'000;
  std::filesystem::path output;
  CLI::App app("Times the making of pictures.", "generation");
  app.add_option("--threads", threads, "Compute threads")->capture_default_str();
  app.add_option("--images", images, "Pictures of a round")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  app.add_option("--output", output, "Folder for the pictures, which stay; a new one")
      ->required()
      ->check(CLI::NonexistentPath);
  app.add_option("--rounds", rounds, "Rounds, of which the medians are shown")
      ->capture_default_str()
      ->check(CLI::PositiveNumber);
  CLI11_PARSE(app, argc, argv);

  const GanSpec spec;
  Network<float> network(make_generator_plan(spec));
  network.init(1, kGeneratorStream);
  std::filesystem::create_directories(output);
  const auto model = output / "generator.safetensors";
  save_network(model, Role::kGenerator, spec, network);
  ImageGenerator generator(threads);
  generator.load_model(model);
  const ThreadBudget budget(threads);
  std::vector<double> peaks, sampler_ms, pngs_ms, files_ms;
  std::int64_t png_bytes = 0;
  for (int round = 0; round < rounds; ++round) {
    const auto pngs = output / std::to_string(round);
    peaks.push_back(measure_fma_peak(budget));  // each time: a machine's speed drifts
    sampler_ms.push_back(time_sampler(budget, network, spec, images));
    pngs_ms.push_back(time_pngs(generator, images, pngs));
    png_bytes = mean_size(pngs);
    files_ms.push_back(
        time_files(budget, images, png_bytes, output / ("files" + std::to_string(round))));
  }
  const double speed = static_cast<double>(images) / median(sampler_ms) * 1e3;  // pictures a second
  const double peak = median(peaks);
  const double flop_rate = speed * picture_flop(spec);
  std::printf(
      "miniray thr=%d images=%lld | sampler %.0f images/s (%.1f GFLOP/s, %.0f%% of FMA peak %.1f) "
      "| with PNGs %.0f images/s, %lld bytes each | files alone %.0f a second\n",
      threads, static_cast<long long>(images), speed, flop_rate * 1e-9, 100 * flop_rate / peak,
      peak * 1e-9, static_cast<double>(images) / median(pngs_ms) * 1e3,
      static_cast<long long>(png_bytes), static_cast<double>(images) / median(files_ms) * 1e3);
  return 0;
}
