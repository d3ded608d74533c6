// A whole generation as gan_generate does it: model, latents, pictures, files.
#pragma once

#include <functional>
#include <string>
#include <vector>

#include "gan/config.h"
#include "runtime/communicator.h"

namespace miniray {

using GenerationProgress = std::function<void(std::int64_t done, std::int64_t all)>;

struct GenerationResult {
  std::int64_t images = 0;
  std::vector<std::filesystem::path> written;  // files, or the folder of the PNGs
};

// Under mpirun every process calls it alike, with the job's `processes`: each makes its part of the
// pictures, the first one what is made of all of them.
// `progress` is called with the number of pictures done and of all, now and then. Throws Error,
// naming the file.
GenerationResult run_generation(const GenerateConfig& config, Communicator& processes,
                                const GenerationProgress& progress);

}  // namespace miniray
