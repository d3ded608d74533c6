// Pictures from a saved model: the library's side of gan_generate.
#pragma once

#include <cstdint>
#include <filesystem>
#include <memory>
#include <optional>
#include <string>

#include "engine/parallel.h"
#include "gan/images.h"
#include "gan/model_file.h"
#include "gan/sampler.h"

namespace miniray {

class ImageGenerator {
 public:
  explicit ImageGenerator(int threads = available_cores());

  // The file alone says what to build. Throws not found, io or corrupt, naming the path.
  void load_model(const std::filesystem::path& path);

  // The rest throws invalid argument before load_model.
  const GanSpec& spec() const;
  // Pictures first .. first + count - 1 of a seed; picture i depends on (seed, i) and its class
  // alone. class_name: of a conditional model, as choose_class has it; empty: all in turn.
  Images generate(std::int64_t count, std::uint64_t seed = 42, std::int64_t first = 0,
                  const std::string& class_name = {});
  // One picture for each row of latents [N, latent_dim].
  Images generate(std::span<const float> latents, const std::string& class_name = {});
  // dir/image_00000.png and so on, numbered from `first`.
  void save_images(const Images& images, const std::filesystem::path& dir,
                   std::int64_t first = 0) const;

 private:
  Sampler& sampler();

  ThreadBudget threads_;
  std::unique_ptr<LoadedGenerator> model_;  // at a fixed address: the sampler refers to it
  std::optional<Sampler> sampler_;
};

}  // namespace miniray
