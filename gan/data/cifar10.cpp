#include "gan/data/cifar10.h"

#include "engine/error.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "cifar-10-batches-bin";

fs::path find_folder(const fs::path& data_dir) {
  for (const fs::path& folder : {data_dir / kFolder, data_dir}) {
    if (fs::exists(folder / "data_batch_1.bin") || fs::exists(folder / "test_batch.bin")) {
      return folder;
    }
  }
  throw not_found("there is no CIFAR-10 in '" + data_dir.string() + "': " + kFolder +
                  "/data_batch_1.bin is missing (tools/get_cifar10.sh fetches it; --data shapes "
                  "needs no files)");
}

}  // namespace

Cifar10::Cifar10(const fs::path& data_dir, Split split)
    : records_({.title = "CIFAR-10", .records = 10'000, .label_classes = {10}}) {
  const fs::path folder = find_folder(data_dir);
  if (split == Split::kTest) {
    records_.add_file(folder / "test_batch.bin");
    return;
  }
  for (int i = 1; i <= 5; ++i) {
    records_.add_file(folder / ("data_batch_" + std::to_string(i) + ".bin"));
  }
}

const std::vector<std::string>& Cifar10::class_names() const {
  static const std::vector<std::string> kNames = {
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return kNames;
}

}  // namespace miniray
