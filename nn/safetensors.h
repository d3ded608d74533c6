// The safetensors file format, the subset that we write: tensors of float32 or bfloat16 and text
// metadata.
//
//   bytes            content
//   0..7             N, the header's length, unsigned little-endian
//   8..8+N-1         header: a JSON object, padded with spaces to a multiple of 64 bytes in all;
//                    "name": {"dtype": "F32", "shape": [..], "data_offsets": [begin, end]}, or
//                    "BF16", offsets from the payload's start; "__metadata__": {"key": "text", ..}
//   8+N..            payload: the tensors' little-endian numbers, row-major, without gaps
//
// Files of ours carry two digests in the metadata: "sha256" of the payload, and "header_sha256" of
// the header's N bytes with these 64 digits as zeros, so that no change of a bit goes unseen. Where
// one is given, both must be; files of others have none. Reading is strict: see SafetensorsFile.
#pragma once

#include <cstdint>
#include <filesystem>
#include <map>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/shape.h"
#include "engine/stored_span.h"

namespace miniray {

struct NamedTensor {
  std::string name;
  Shape shape;
  StoredSpan<const float> values;  // not owned
};

using Metadata = std::map<std::string, std::string>;

// Whole and synced on disk, or an Error and the old file untouched. Returns the header's digest,
// which stands for the whole content.
std::string write_safetensors(const std::filesystem::path& path,
                              const std::vector<NamedTensor>& tensors, Metadata metadata);

// A file read and checked: header length within the file and 100 MB, no key twice, offsets sorted,
// without gap, overlap or rest, sizes equal to their shapes', payload and header equal to their
// SHA-256 where they are given. Owns its bytes.
class SafetensorsFile {
 public:
  // Throws not found, io or corrupt, naming the path.
  static SafetensorsFile read(const std::filesystem::path& path);
  // The same for bytes in memory; `name` stands for the path in messages.
  static SafetensorsFile parse(std::string bytes, const std::string& name);

  const std::string& name() const { return name_; }
  const Metadata& metadata() const { return metadata_; }
  // Throws corrupt, naming the file and the key.
  const std::string& metadata(const std::string& key) const;
  std::vector<std::string> tensor_names() const;
  // Throws corrupt, with both shapes, where the file's tensor is not `shape`, or there is none.
  void check_tensor(const std::string& tensor, const Shape& shape) const;
  // Checks, and copies the tensor to `to`, widened or rounded where they are stored otherwise.
  // Throws corrupt also where a number in it is not finite.
  void copy_tensor(const std::string& tensor, const Shape& shape, StoredSpan<float> to) const;

 private:
  struct Entry {
    bool bfloat16 = false;  // or float32
    std::vector<std::int64_t> shape;
    std::uint64_t begin = 0, end = 0;  // bytes of the payload
  };
  // The entry of that name and shape, or corrupt.
  const Entry& entry_of(const std::string& tensor, const Shape& shape) const;
  void parse_header(std::string_view header, std::uint64_t payload_size);
  void add_entry(const std::string& tensor, Entry entry);
  void check_layout(std::uint64_t payload_size) const;
  void check_digests() const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_, bytes_;
  std::size_t payload_offset_ = 0;
  Metadata metadata_;
  std::map<std::string, Entry> entries_;
};

}  // namespace miniray
