#include "gan/data/folder/picture_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
#include <string_view>
#include <utility>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

bool is_picture_name(const fs::path& name) {
  std::string extension = name.extension().string();
  std::ranges::transform(extension, extension.begin(),
                         [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
  return extension == ".jpg" || extension == ".jpeg" || extension == ".png" || extension == ".bmp";
}

using Stat = struct stat;

class Walk {
 public:
  explicit Walk(const fs::path& root) : root_(root) {}

  // below: of the root; empty for itself.
  void visit(const fs::path& below, const Stat& status) {
    // A link to a folder that is being walked would have no end.
    const std::pair place(status.st_dev, status.st_ino);
    if (std::ranges::find(open_, place) != open_.end()) return;
    open_.push_back(place);
    const fs::path folder = root_ / below;
    std::error_code failure;
    fs::directory_iterator entry(folder, failure);
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
      take(below / entry->path().filename());
    }
    if (failure) {
      throw io_error("cannot read the folder '" + folder.string() + "'", failure.value());
    }
    open_.pop_back();
  }

  std::vector<PictureFile> files;  // in the system's order, without labels

 private:
  void take(const fs::path& below) {
    if (below.filename().string().front() == '.') return;
    Stat status{};
    const bool known = stat((root_ / below).c_str(), &status) == 0;
    if (known && S_ISDIR(status.st_mode)) return visit(below, status);
    if (!is_picture_name(below) || (known && !S_ISREG(status.st_mode))) return;
    // What has a picture's name and cannot be looked at is a picture that cannot be read.
    PictureFile file{below.string()};
    if (known) {
      file.size = status.st_size;
      file.modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
    }
    files.push_back(std::move(file));
  }

  const fs::path& root_;
  std::vector<std::pair<dev_t, ino_t>> open_;  // the folders on the way to where we are
};

std::string_view class_of(std::string_view path) {
  const std::size_t slash = path.find('/');
  return slash == std::string_view::npos ? "." : path.substr(0, slash);
}

}  // namespace

std::string PictureTree::digest() const {
  std::string text;
  for (const PictureFile& file : files) {
    text += file.path;
    text += '\0';
    text += std::to_string(file.size) + ' ' + std::to_string(file.modified_ns) + '\n';
  }
  return sha256_hex(std::as_bytes(std::span(text)));
}

PictureTree find_pictures(const fs::path& root) {
  Stat status{};
  if (stat(root.c_str(), &status) != 0 || !S_ISDIR(status.st_mode)) {
    throw not_found("there is no folder '" + root.string() + "'");
  }
  Walk walk(root);
  walk.visit({}, status);
  if (walk.files.empty()) {
    throw not_found("there is no picture in the folder '" + root.string() +
                    "': no file below it is named .jpg, .jpeg, .png or .bmp");
  }
  PictureTree tree{root, {}, std::move(walk.files)};
  std::ranges::sort(tree.files, {}, [](const PictureFile& file) {
    return std::pair(class_of(file.path), std::string_view(file.path));
  });
  for (PictureFile& file : tree.files) {
    const std::string_view name = class_of(file.path);
    if (tree.class_names.empty() || tree.class_names.back() != name) {
      tree.class_names.emplace_back(name);
    }
    file.label = static_cast<std::uint32_t>(tree.class_names.size() - 1);
  }
  return tree;
}

}  // namespace miniray
