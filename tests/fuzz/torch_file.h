// What is done with a file of torch.save by the two targets that read it: whole files, pickles.
#pragma once

#include "fuzz/target.h"
#include "gan/torch/torch_file.h"

namespace miniray::fuzz {

inline void read_tensors(std::string bytes) {
  const TorchFile file = TorchFile::parse(std::move(bytes), "input");
  for (const TorchTensor& tensor : file.tensors()) {
    if (tensor.storage.type != "Float") continue;
    require(static_cast<std::int64_t>(file.floats(tensor).size()) == tensor.elements(),
            "a tensor has as many numbers as it says");
  }
}

inline std::string saved(const std::string& name) {
  return read_file(std::filesystem::path(MINIRAY_TEST_DATA) / "torch" / name, 1 << 20);
}

}  // namespace miniray::fuzz
