#include "tools/generate_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"

namespace miniray {

GenerateConfig parse_generate_options(int argc, char** argv) {
  GenerateConfig c;
  CLI::App app("Makes pictures with a generator that gan_train saved.", "gan_generate");
  app.footer(
      "Examples:\n"
      "  gan_generate --num-images 100 --output out    out/image_00000.png ...\n"
      "  gan_generate --num-images 64 --grid sheet.png\n"
      "Picture i depends on the model, the seed and i alone.");
  const auto option = [&](const char* name, auto& value, const char* help, const char* group) {
    return app.add_option(name, value, help)->capture_default_str()->group(group);
  };
  const char* const input = "What to make";
  option("--model", c.model, "The generator's file", input);
  option("--num-images", c.num_images, "Pictures", input);
  option("--seed", c.seed, "Equal seeds give equal pictures", input)->check(CLI::NonNegativeNumber);
  auto* latents =
      option("--latents", c.latents,
             "Instead of a seed: a float32 array [N, latent_dim], one picture a row", input);
  latents->excludes("--seed")->excludes("--num-images");
  const char* const output = "Where to";
  option("--output", c.output, "Folder for one PNG a picture", output);
  option("--grid", c.grid, "Also one PNG that shows all of them", output);
  option("--npy", c.npy, "Instead of PNGs: one uint8 array [N, H, W, C]", output)
      ->excludes("--output");
  option("--threads", c.threads, "Compute threads; 0: one for each core", "Speed");
  parse_options(app, argc, argv, [&] { check_config(c); });
  return c;
}

}  // namespace miniray
