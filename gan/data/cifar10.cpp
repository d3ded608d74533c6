#include "gan/data/cifar10.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/span.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRecordsPerFile = 10'000;
constexpr std::int64_t kPixelBytes = 3 * 32 * 32;
constexpr std::int64_t kRecordBytes = 1 + kPixelBytes;
constexpr int kClasses = 10;
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

MappedFile open_checked(const fs::path& path) {
  MappedFile file(path);
  const auto bytes = file.bytes();
  if (bytes.size() != kRecordsPerFile * kRecordBytes) {
    throw corrupt("'" + path.string() + "' has " + std::to_string(bytes.size()) +
                  " bytes; CIFAR-10's binary files have " +
                  std::to_string(kRecordsPerFile * kRecordBytes));
  }
  for (std::int64_t i = 0; i < kRecordsPerFile; ++i) {
    const int label = bytes[static_cast<std::size_t>(i * kRecordBytes)];
    if (label >= kClasses) {
      throw corrupt("'" + path.string() + "' gives record " + std::to_string(i) + " the label " +
                    std::to_string(label) + "; CIFAR-10 has the labels 0 to 9");
    }
  }
  return file;
}

}  // namespace

Cifar10::Cifar10(const fs::path& data_dir, Split split) {
  const fs::path folder = find_folder(data_dir);
  if (split == Split::kTest) {
    files_.push_back(open_checked(folder / "test_batch.bin"));
    return;
  }
  for (int i = 1; i <= 5; ++i) {
    files_.push_back(open_checked(folder / ("data_batch_" + std::to_string(i) + ".bin")));
  }
}

std::int64_t Cifar10::size() const {
  return static_cast<std::int64_t>(files_.size()) * kRecordsPerFile;
}

const std::vector<std::string>& Cifar10::class_names() const {
  static const std::vector<std::string> kNames = {
      "airplane", "automobile", "bird", "cat", "deer", "dog", "frog", "horse", "ship", "truck"};
  return kNames;
}

int Cifar10::label(std::int64_t index) const { return record(index)[0]; }

void Cifar10::copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const {
  std::ranges::copy(record(index).subspan(1), chw.begin());
}

std::span<const std::uint8_t> Cifar10::record(std::int64_t index) const {
  const auto& file = files_[static_cast<std::size_t>(index / kRecordsPerFile)];
  return part(file.bytes(), index % kRecordsPerFile * kRecordBytes, kRecordBytes);
}

}  // namespace miniray
