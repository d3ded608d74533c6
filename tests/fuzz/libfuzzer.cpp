// A target as libFuzzer runs it. `fuzz_NAME --write-seeds FOLDER` writes the seeds instead.
#include <cstddef>

#include "engine/error.h"
#include "fuzz/target.h"

extern "C" int LLVMFuzzerInitialize(int* argc, char*** argv) {
  using namespace miniray;
  if (*argc != 3 || std::string((*argv)[1]) != "--write-seeds") return 0;
  int number = 0;
  for (const std::string& seed : fuzz::seeds()) {
    write_file(std::filesystem::path((*argv)[2]) / ("seed_" + std::to_string(number++)), seed);
  }
  std::exit(0);
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  try {
    miniray::fuzz::parse({reinterpret_cast<const char*>(data), size});
  } catch (const miniray::Error&) {
  }
  return 0;
}
