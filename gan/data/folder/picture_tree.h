// The pictures below a folder: files named .jpg, .jpeg, .png or .bmp, in letters of any case.
//
// A picture's class is the first folder on the way to it, however deep it lies below that; of those
// in the folder itself ".". Names that begin with a dot are not looked at. Links are followed.
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace miniray {

struct PictureFile {
  std::string path;                          // below the root
  std::uint32_t label = 0;                   // of class_names
  std::int64_t size = -1, modified_ns = -1;  // as the system says; -1 where it cannot
};

struct PictureTree {
  std::filesystem::path root;
  std::vector<std::string> class_names;  // by their bytes; those that have a picture
  std::vector<PictureFile> files;        // by class, then by path

  // SHA-256, in hexadecimal, of all paths, sizes and times.
  std::string digest() const;
};

// Throws not found where there is no such folder or no picture in it; io, naming the folder, where
// one cannot be read.
PictureTree find_pictures(const std::filesystem::path& root);

}  // namespace miniray
