#include "gan/npy.h"

#include "engine/error.h"
#include "fuzz/target.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  const NpyArray array = parse_npy_array(bytes, "input");
  require(array.payload.size() <= bytes.size(), "numbers lie in the file");
  const NpyMatrix matrix = parse_npy(bytes, "input");
  require(static_cast<std::int64_t>(matrix.values.size()) == matrix.rows * matrix.columns,
          "a matrix has as many numbers as it says");
}

std::vector<std::string> seeds() {
  std::string version_2("\x93NUMPY\x02\x00\x3c\x00\x00\x00", 12);
  version_2 += "{'shape': (1, 1), 'descr': '<f4', 'fortran_order': False, }";
  version_2.resize(12 + 0x3c, '\n');
  return {encode_npy("<f4", {2, 3}, std::string(24, '\0')), version_2 + std::string(4, '\0')};
}

}  // namespace miniray::fuzz
