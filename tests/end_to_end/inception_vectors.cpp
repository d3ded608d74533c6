// What Inception makes of pictures, for scripts that know it from elsewhere.
//
//   inception_vectors NETWORK FOLDER OUTPUT   writes float32 [pictures, features and classes]
#include <cstdio>
#include <exception>
#include <fstream>

#include "gan/evaluation_run.h"
#include "gan/metrics/feature_run.h"
#include "runtime/process_group.h"

int main(int, char** argv) try {
  using namespace miniray;
  const auto processes = join_process_group(std::chrono::minutes(5));
  const auto network = open_features("inception:" + std::string(argv[1]));
  std::ofstream output(argv[3], std::ios::binary);
  const auto write = [&](const std::vector<float>& values, std::int64_t row, std::int64_t width) {
    output.write(reinterpret_cast<const char*>(values.data() + row * width),
                 width * static_cast<std::int64_t>(sizeof(float)));
  };
  run_features(network, folder_pictures(argv[2], 3), {1, available_cores()},
               processes->communicator(), [&](const FeatureChunk& chunk) {
                 for (std::int64_t i = 0; i < chunk.count; ++i) {
                   write(chunk.features, i, network->features());
                   write(chunk.logits, i, network->classes());
                 }
               });
  return 0;
} catch (const std::exception& error) {
  std::fprintf(stderr, "%s\n", error.what());
  return 1;
}
