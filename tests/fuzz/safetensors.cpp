#include "nn/safetensors.h"

#include "fuzz/safetensors_seal.h"
#include "fuzz/target.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  const SafetensorsFile file = SafetensorsFile::parse(resealed(std::string(bytes)), "input");
  for (const std::string& name : file.tensor_names()) file.check_tensor(name, {2, 3});
  std::vector<float> values(6);
  file.copy_tensor("0.weight", {2, 3}, values);
}

std::vector<std::string> seeds() {
  InputFile file;
  const std::vector<float> weight{1, 2, 3, 4, 5, 6};
  write_safetensors(file.path(), {{"0.weight", {2, 3}, weight}}, {{"key", "value"}});
  const std::string header = R"({"0.weight":{"dtype":"F32","shape":[2,3],"data_offsets":[0,24]}})";
  return {file.read(), std::string(1, static_cast<char>(header.size())) + std::string(7, '\0') +
                           header + std::string(24, '\0')};
}

}  // namespace miniray::fuzz
