// Files of torch.save, of both of its formats.
#include "fuzz/torch_file.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) { read_tensors(std::string(bytes)); }

std::vector<std::string> seeds() { return {saved("tensors.pth"), saved("tensors_legacy.pth")}; }

}  // namespace miniray::fuzz
