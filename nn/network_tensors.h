// Networks and the tensors of safetensors files: names and layouts are those of the equal
// torch.nn.Sequential.
#pragma once

#include <filesystem>
#include <memory>

#include "nn/network.h"
#include "nn/safetensors.h"

namespace miniray {

// Parameters, then running statistics, by write_safetensors.
void save_tensors(const std::filesystem::path& path, const Network<float>& network,
                  Metadata metadata);

// The network of `plan` with the numbers of the file, whose tensors must be those of the plan, no
// more and no fewer. Throws corrupt, naming the file and what is wrong; before anything is
// allocated, since metadata can claim any size.
Network<float> load_network(const SafetensorsFile& file,
                            std::shared_ptr<const NetworkPlan<float>> plan);

}  // namespace miniray
