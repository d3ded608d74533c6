#include "gan/image_generator.h"

#include "engine/error.h"
#include "engine/file.h"
#include "gan/class_choice.h"
#include "gan/image_io.h"

namespace miniray {

ImageGenerator::ImageGenerator(int threads) : threads_(threads) {}

void ImageGenerator::load_model(const std::filesystem::path& path) {
  auto model = std::make_unique<LoadedGenerator>(load_generator(path));
  sampler_.emplace(threads_, model->network, model->spec);
  model_ = std::move(model);
}

const GanSpec& ImageGenerator::spec() const {
  if (model_ == nullptr) throw invalid_argument("no model is loaded: call load_model first");
  return model_->spec;
}

Images ImageGenerator::generate(std::int64_t count, std::uint64_t seed, std::int64_t first,
                                const std::string& class_name) {
  return sampler().generate(seed, first, count, choose_class(spec(), class_name));
}

Images ImageGenerator::generate(std::span<const float> latents, const std::string& class_name) {
  const auto size = static_cast<std::int64_t>(latents.size());
  if (size % spec().latent_dim != 0) {
    throw invalid_argument("latents come in rows of " + std::to_string(spec().latent_dim));
  }
  return sampler().generate(latents, 0, choose_class(spec(), class_name));
}

void ImageGenerator::save_images(const Images& images, const std::filesystem::path& dir,
                                 std::int64_t first) const {
  make_writable_folder(dir);
  write_pngs(threads_, images, first, dir);
}

Sampler& ImageGenerator::sampler() {
  spec();
  return *sampler_;
}

}  // namespace miniray
