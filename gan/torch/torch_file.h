// Files of tensors as torch.save writes them: a dictionary from names to tensors, such as a
// state_dict. Both of its formats:
//
//   since PyTorch 1.6   a zip archive: NAME/data.pkl, the pickle of the dictionary, and
//                       NAME/data/KEY, the numbers of each storage
//   before              five pickles one after the other: a magic number, the version 1001, a
//                       dictionary on the machine, the dictionary of tensors, the list of the
//                       storages' keys; then for each key the count of its numbers (8 bytes), and
//                       the numbers
//
// Numbers are little-endian. No code of the file's is executed (gan/torch/pickle.h).
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "gan/torch/pickle.h"
#include "gan/zip.h"

namespace miniray {

// The numbers that tensors look at.
struct TorchStorage {
  std::string type;  // of its numbers, as PyTorch says: "Float", "Long", ..
  std::string key;
  std::int64_t count = 0;
};

// Element [i, j, ..] of a tensor is number offset + i stride[0] + j stride[1] + .. of its storage.
struct TorchTensor {
  std::string name;
  TorchStorage storage;
  std::int64_t offset = 0;
  std::vector<std::int64_t> shape, stride;

  std::int64_t elements() const;
  std::string shape_text() const;  // "2x3", or "scalar"
};

// A file in memory. Every tensor lies within its storage, has no more elements than that, and a
// name of its own.
class TorchFile {
 public:
  // Throws corrupt, naming the file and what is wrong; `name` stands for the path.
  static TorchFile parse(std::string bytes, const std::string& name);

  const std::string& name() const { return name_; }
  const std::vector<TorchTensor>& tensors() const { return tensors_; }
  // The elements of one of its tensors, row-major. Throws corrupt where they are not float32 or not
  // there.
  std::vector<float> floats(const TorchTensor& tensor) const;

 private:
  struct Place {
    std::size_t offset = 0, size = 0;
  };
  void parse_zip(std::string bytes);
  void parse_legacy();
  void read_dictionary(const PickleNode& root);
  TorchTensor read_tensor(const std::string& tensor_name, const PickleNode& node) const;
  TorchStorage read_storage(const std::string& tensor_name, const PickleNode& node) const;
  void check_extents(const TorchTensor& tensor) const;
  std::string bytes_of(const TorchStorage& storage) const;
  [[noreturn]] void fail(const std::string& what) const;

  std::string name_;
  std::vector<TorchTensor> tensors_;
  std::optional<ZipArchive> archive_;  // of the newer format
  std::string folder_;                 // in it
  std::string bytes_;                  // of the older format
  std::map<std::string, Place> places_;
};

}  // namespace miniray
