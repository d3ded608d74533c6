#include "gan/data/cifar100.h"

#include <set>
#include <sstream>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr const char* kFolder = "cifar-100-binary";
constexpr int kGroups = 20, kClasses = 100;
constexpr std::int64_t kMaxNamesBytes = 1 << 16;

fs::path find_folder(const fs::path& data_dir) {
  for (const fs::path& folder : {data_dir / kFolder, data_dir}) {
    if (fs::exists(folder / "train.bin") || fs::exists(folder / "test.bin")) return folder;
  }
  throw not_found("there is no CIFAR-100 in '" + data_dir.string() + "': " + kFolder +
                  "/train.bin is missing (unpack cifar-100-binary.tar.gz there)");
}

std::vector<std::string> read_names(const fs::path& path) {
  std::istringstream stream(read_file(path, kMaxNamesBytes));
  std::vector<std::string> names;
  for (std::string line; std::getline(stream, line);) {
    if (!line.empty() && line.back() == '\r') line.pop_back();
    if (!line.empty()) names.push_back(line);
  }
  const std::size_t distinct = std::set(names.begin(), names.end()).size();
  if (names.size() != kClasses || distinct != kClasses) {
    throw corrupt("'" + path.string() + "' has " + std::to_string(names.size()) + " names, " +
                  std::to_string(distinct) + " of them distinct; CIFAR-100 has 100 classes");
  }
  return names;
}

}  // namespace

Cifar100::Cifar100(const fs::path& data_dir, Split split)
    : records_({.title = "CIFAR-100",
                .records = split == Split::kTrain ? 50'000 : 10'000,
                .label_classes = {kGroups, kClasses}}) {
  const fs::path folder = find_folder(data_dir);
  names_ = read_names(folder / "fine_label_names.txt");
  records_.add_file(folder / (split == Split::kTrain ? "train.bin" : "test.bin"));
}

}  // namespace miniray
