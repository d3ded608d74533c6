// The pickle in a file of torch.save, alone, so that no checksum comes first.
#include <algorithm>

#include "fuzz/torch_file.h"
#include "gan/zip.h"

namespace miniray::fuzz {
namespace {

std::vector<ZipEntry> saved_entries() {
  const ZipArchive archive = ZipArchive::parse(saved("tensors.pth"), "tensors");
  std::vector<ZipEntry> entries;
  for (const std::string& entry : archive.entries()) {
    entries.push_back({entry, archive.extract(entry, 1 << 20)});
  }
  return entries;
}

std::string& pickle_of(std::vector<ZipEntry>& entries) {
  return std::ranges::find(entries, "tensors/data.pkl", &ZipEntry::name)->bytes;
}

}  // namespace

void parse(std::string_view bytes) {
  static std::vector<ZipEntry> entries = saved_entries();
  pickle_of(entries) = bytes;
  read_tensors(zip_bytes(entries));
}

std::vector<std::string> seeds() {
  std::vector<ZipEntry> entries = saved_entries();
  return {pickle_of(entries)};
}

}  // namespace miniray::fuzz
