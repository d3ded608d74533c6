#include "tools/animate_options.h"

#include <CLI/CLI.hpp>

#include "tools/program.h"

namespace miniray {

AnimateConfig parse_animate_options(int argc, char** argv) {
  AnimateConfig c;
  CLI::App app("Makes an animated picture of the samples that a run of gan_train left.",
               "gan_animate");
  app.footer("Example:\n  gan_animate runs/JOB --output samples.webp");
  app.add_option("run", c.run, "The run's folder: runs/<job-id>")->required();
  app.add_option("--output", c.output, "The picture: animated WebP")->capture_default_str();
  app.add_option("--frame-ms", c.frame_ms, "Milliseconds that each sheet is shown")
      ->capture_default_str();
  parse_options(app, {argv, argv + argc}, [&] { check_config(c); });
  return c;
}

}  // namespace miniray
