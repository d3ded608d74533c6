#include "gan/data/folder/picture_tree.h"

#include <sys/stat.h>

#include <algorithm>
#include <cctype>
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

class Walk {
 public:
  explicit Walk(const fs::path& root) : root_(root) {}

  // below: of the root; empty for itself.
  void visit(const fs::path& below) {
    const fs::path folder = root_ / below;
    struct stat status {};
    if (stat(folder.c_str(), &status) != 0) fail(folder, errno);
    // A link to a folder that is being walked would have no end.
    const std::pair place(status.st_dev, status.st_ino);
    if (std::ranges::find(open_, place) != open_.end()) return;
    open_.push_back(place);
    std::error_code failure;
    fs::directory_iterator entry(folder, failure);
    for (; !failure && entry != fs::directory_iterator(); entry.increment(failure)) {
      take(below / entry->path().filename());
    }
    if (failure) fail(folder, failure.value());
    open_.pop_back();
  }

  std::vector<std::string> paths;

 private:
  [[noreturn]] static void fail(const fs::path& folder, int error_number) {
    throw io_error("cannot read the folder '" + folder.string() + "'", error_number);
  }

  void take(const fs::path& below) {
    if (below.filename().string().front() == '.') return;
    std::error_code failure;
    const fs::file_status status = fs::status(root_ / below, failure);
    if (fs::is_directory(status)) return visit(below);
    // What has a picture's name and cannot be read is a picture that cannot be read.
    const bool other = fs::exists(status) && !fs::is_regular_file(status);
    if (!other && is_picture_name(below)) paths.push_back(below.string());
  }

  const fs::path& root_;
  std::vector<std::pair<dev_t, ino_t>> open_;  // the folders on the way to where we are
};

std::string class_of(const std::string& path) {
  const std::size_t slash = path.find('/');
  return slash == std::string::npos ? "." : path.substr(0, slash);
}

PictureFile describe(const fs::path& root, const std::string& path, std::uint32_t label) {
  PictureFile file{path, label};
  struct stat status {};
  if (stat((root / path).c_str(), &status) == 0) {
    file.size = status.st_size;
    file.modified_ns = status.st_mtim.tv_sec * 1'000'000'000 + status.st_mtim.tv_nsec;
  }
  return file;
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
  if (!fs::is_directory(root)) throw not_found("there is no folder '" + root.string() + "'");
  Walk walk(root);
  walk.visit({});
  if (walk.paths.empty()) {
    throw not_found("there is no picture in the folder '" + root.string() +
                    "': no file below it is named .jpg, .jpeg, .png or .bmp");
  }
  std::ranges::sort(walk.paths, {},
                    [](const std::string& path) { return std::pair(class_of(path), path); });
  PictureTree tree{root, {}, {}};
  for (const std::string& path : walk.paths) {
    const std::string name = class_of(path);
    if (tree.class_names.empty() || tree.class_names.back() != name) {
      tree.class_names.push_back(name);
    }
    const auto label = static_cast<std::uint32_t>(tree.class_names.size() - 1);
    tree.files.push_back(describe(root, path, label));
  }
  return tree;
}

}  // namespace miniray
