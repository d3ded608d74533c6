#include "tools/generate_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"
#include "tools/worker_options.h"

namespace miniray {

GenerateConfig parse_generate_options(int argc, char** argv) {
  GenerateConfig c;
  CLI::App app("Makes pictures with a generator that gan_train saved.", "gan_generate");
  app.footer(
      "Examples:\n"
      "  gan_generate --num-images 100 --output out    out/image_00000.png ...\n"
      "  gan_generate --num-images 64 --grid sheet.png\n"
      "  gan_generate --num-images 10000 --distributed --workers 4\n"
      "  gan_generate --num-images 256 --interpolate 32 --animation walk.webp\n"
      "  gan_generate --class horse --num-images 64 --grid horses.png\n"
      "Picture i depends on the model, the seed and i alone.");
  const auto option = [&](const char* name, auto& value, const char* help, const char* group) {
    return app.add_option(name, value, help)->capture_default_str()->group(group);
  };
  const char* const input = "What to make";
  option("--model", c.model, "The generator's file", input);
  option("--num-images", c.num_images, "Pictures", input);
  option("--seed", c.seed, "Equal seeds give equal pictures", input)->check(CLI::NonNegativeNumber);
  option("--class", c.class_name,
         "Of a conditional model: a class by name or number (from 0), or all in turn", input);
  auto* latents =
      option("--latents", c.latents,
             "Instead of a seed: a float32 array [N, latent_dim], one picture a row", input);
  latents->excludes("--seed")->excludes("--num-images");
  option("--truncation", c.truncation,
         "Redraw the latents' elements above this magnitude: 0.5 to 1 gives more typical pictures, "
         "and fewer kinds; 0: none",
         input);
  option("--interpolate", c.interpolate,
         "Pictures from one latent to the next, on an arc; 1: each has a latent of its own. A row "
         "of --grid is one arc",
         input);
  const char* const output = "Where to";
  option("--output", c.output, "Folder for one PNG a picture", output);
  option("--grid", c.grid, "Also one PNG that shows all of them", output);
  option("--animation", c.animation, "Also an animated WebP of all, one after the other", output);
  option("--frame-ms", c.frame_ms, "Milliseconds that it shows each", output);
  option("--npy", c.npy, "Instead of PNGs: one uint8 array [N, H, W, C]", output)
      ->excludes("--output");
  add_worker_options(app, c);
  const std::vector<std::string> arguments(argv, argv + argc);
  parse_options(app, arguments, [&] {
    check_workers(arguments, c.workers, c.distributed, "--distributed");
    check_config(c);
  });
  return c;
}

}  // namespace miniray
