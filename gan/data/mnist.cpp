#include "gan/data/mnist.h"

#include <algorithm>

#include "engine/error.h"
#include "engine/span.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr const char* kDebianFolder = "/usr/share/datasets";
constexpr int kClasses = 10;

struct Names {
  const char *title, *name, *torch_folder, *hint;
};

Names names_of(Mnist::Kind kind) {
  if (kind == Mnist::Kind::kDigits) {
    return {"MNIST", "mnist", "MNIST/raw", "put MNIST's four files there, gzipped or not"};
  }
  return {"Fashion-MNIST", "fashion-mnist", "FashionMNIST/raw",
          "Debian's package dataset-fashion-mnist has it"};
}

std::string prefix(Split split) { return split == Split::kTrain ? "train" : "t10k"; }

std::string images_name(Split split) { return prefix(split) + "-images-idx3-ubyte"; }

fs::path find_folder(Mnist::Kind kind, const fs::path& data_dir, Split split) {
  const Names names = names_of(kind);
  const std::string file = images_name(split);
  for (const fs::path& folder : {data_dir / names.name, data_dir / names.torch_folder, data_dir,
                                 fs::path(kDebianFolder) / names.name}) {
    if (fs::exists(folder / file) || fs::exists(folder / (file + ".gz"))) return folder;
  }
  throw not_found("there is no " + std::string(names.title) + " in '" + data_dir.string() +
                  "': " + names.name + "/" + file + " is missing (" + names.hint +
                  "; --data shapes needs no files)");
}

}  // namespace

Mnist::Mnist(Kind kind, const fs::path& data_dir, Split split, std::int64_t image_size)
    : kind_(kind),
      image_size_(image_size),
      images_(find_folder(kind, data_dir, split) / images_name(split)),
      labels_(find_folder(kind, data_dir, split) / (prefix(split) + "-labels-idx1-ubyte")) {
  if (image_size < kSide) {
    throw invalid_argument(std::string(names_of(kind).title) +
                           " has pictures of 28 pixels a side, not " + std::to_string(image_size));
  }
  const Shape& images = images_.shape();
  if (images.rank() != 3 || images[1] != kSide || images[2] != kSide) {
    throw corrupt("'" + images_.path().string() + "' holds an array of " + images.to_string() +
                  "; pictures of 28x28 would be right");
  }
  const std::string labels = "'" + labels_.path().string() + "' ";
  if (labels_.shape() != Shape{images[0]}) {
    throw corrupt(labels + "holds an array of " + labels_.shape().to_string() +
                  " labels; there are " + std::to_string(images[0]) + " pictures");
  }
  for (std::int64_t i = 0; i < size(); ++i) {
    if (label(i) < kClasses) continue;
    throw corrupt(labels + "gives picture " + std::to_string(i) + " the label " +
                  std::to_string(label(i)) + "; there are 0 to 9");
  }
}

std::string Mnist::name() const { return names_of(kind_).name; }

const std::vector<std::string>& Mnist::class_names() const {
  static const std::vector<std::string> kDigits = {"0", "1", "2", "3", "4",
                                                   "5", "6", "7", "8", "9"};
  static const std::vector<std::string> kClothes = {
      "T-shirt/top", "Trouser", "Pullover", "Dress", "Coat",
      "Sandal",      "Shirt",   "Sneaker",  "Bag",   "Ankle boot"};
  return kind_ == Kind::kDigits ? kDigits : kClothes;
}

void Mnist::copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const {
  const auto picture = part(images_.values(), index * kSide * kSide, kSide * kSide);
  const std::int64_t margin = (image_size_ - kSide) / 2;
  std::ranges::fill(chw, std::uint8_t{0});
  for (std::int64_t y = 0; y < kSide; ++y) {
    std::ranges::copy(part(picture, y * kSide, kSide),
                      part(chw, (margin + y) * image_size_ + margin, kSide).begin());
  }
}

}  // namespace miniray
