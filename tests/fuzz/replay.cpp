// A target as a test, for any compiler: the seeds must be read; the kept corpus, and random changes
// to both (the same in every run), must end in a value or an Error.
//
//   fuzz_NAME CORPUS_FOLDER
#include <algorithm>

#include "engine/error.h"
#include "fuzz/target.h"
#include "support/mutator.h"

namespace {

using namespace miniray;

constexpr int kChanges = 3'000;  // in all
constexpr std::int64_t kMaxFileBytes = 1 << 20;

std::vector<std::string> corpus(const std::filesystem::path& folder) {
  std::vector<std::filesystem::path> paths;
  for (const auto& file : std::filesystem::directory_iterator(folder)) paths.push_back(file.path());
  std::ranges::sort(paths);
  std::vector<std::string> inputs;
  for (const auto& path : paths) inputs.push_back(read_file(path, kMaxFileBytes));
  return inputs;
}

// On the heap and no longer than the input, so that AddressSanitizer sees what is read behind it.
bool is_read(const std::string& input) {
  const std::vector<char> bytes(input.begin(), input.end());
  try {
    fuzz::parse({bytes.data(), bytes.size()});
    return true;
  } catch (const Error&) {
    return false;
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) {
    std::fprintf(stderr, "usage: %s CORPUS_FOLDER\n", argv[0]);
    return 2;
  }
  std::vector<std::string> inputs = fuzz::seeds();
  for (const std::string& seed : inputs) fuzz::require(is_read(seed), "a good file is read");
  std::ranges::copy(corpus(argv[1]), std::back_inserter(inputs));
  for (const std::string& input : inputs) is_read(input);
  miniray::testing::Mutator mutator;
  int refused = 0;
  for (std::size_t i = 0; i < kChanges; ++i) {
    refused += !is_read(mutator.mutate(inputs[i % inputs.size()]));
  }
  std::printf("%zu inputs, %d changes to them, %d of these refused\n", inputs.size(), kChanges,
              refused);
}
