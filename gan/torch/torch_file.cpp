#include "gan/torch/torch_file.h"

#include <array>
#include <bit>
#include <cstring>
#include <set>

#include "engine/error.h"

namespace miniray {
namespace {

using Kind = PickleNode::Kind;

static_assert(std::endian::native == std::endian::little, "numbers are read as they lie");

constexpr std::uint64_t kMaxPickleBytes = std::uint64_t{1} << 26;
constexpr std::uint64_t kMaxStorageBytes = std::uint64_t{1} << 32;
constexpr std::size_t kMaxRank = 8;
constexpr std::string_view kZipMagic{"PK\3\4", 4};
constexpr std::string_view kLegacyMagic{
    "\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19\x2e", 15};
constexpr std::int64_t kLegacyVersion = 1001;
constexpr std::size_t kCountBytes = 8;

struct NumberType {
  std::string_view name;
  std::int64_t size_bytes;
};
constexpr std::array kNumberTypes = {NumberType{"Float", 4}, NumberType{"Double", 8},
                                     NumberType{"Half", 2},  NumberType{"BFloat16", 2},
                                     NumberType{"Long", 8},  NumberType{"Int", 4},
                                     NumberType{"Short", 2}, NumberType{"Char", 1},
                                     NumberType{"Byte", 1},  NumberType{"Bool", 1}};

std::int64_t size_of(std::string_view type) {
  for (const NumberType& known : kNumberTypes) {
    if (known.name == type) return known.size_bytes;
  }
  return 0;
}

// "Float" of "torch.FloatStorage"; empty where it is no storage.
std::string_view storage_type(std::string_view global) {
  constexpr std::string_view kPrefix = "torch.", kSuffix = "Storage";
  if (!global.starts_with(kPrefix) || !global.ends_with(kSuffix)) return {};
  return global.substr(kPrefix.size(), global.size() - kPrefix.size() - kSuffix.size());
}

bool is_key(const PickleNode& key, std::string_view text) {
  return key.kind == Kind::kText && key.text == text;
}

}  // namespace

std::int64_t TorchTensor::elements() const {
  std::int64_t count = 1;
  for (const std::int64_t extent : shape) count *= extent;
  return count;
}

std::string TorchTensor::shape_text() const {
  std::string text;
  for (const std::int64_t extent : shape)
    text += (text.empty() ? "" : "x") + std::to_string(extent);
  return text.empty() ? "scalar" : text;
}

TorchFile TorchFile::parse(std::string bytes, const std::string& name) {
  TorchFile file;
  file.name_ = name;
  if (bytes.starts_with(kZipMagic)) {
    file.parse_zip(std::move(bytes));
  } else if (bytes.starts_with(kLegacyMagic)) {
    file.bytes_ = std::move(bytes);
    file.parse_legacy();
  } else {
    file.fail(
        "it begins neither as a zip archive nor with PyTorch's magic number; a state_dict "
        "that torch.save wrote would be right");
  }
  return file;
}

void TorchFile::parse_zip(std::string bytes) {
  constexpr std::string_view kPickle = "/data.pkl";
  archive_ = ZipArchive::parse(std::move(bytes), name_);
  std::string pickle_entry;
  for (const std::string& entry : archive_->entries()) {
    if (entry.find('/') != entry.size() - kPickle.size() || !entry.ends_with(kPickle)) continue;
    if (!pickle_entry.empty()) fail("it holds two pickles");
    pickle_entry = entry;
  }
  if (pickle_entry.empty()) fail("it is a zip archive without a data.pkl");
  folder_ = pickle_entry.substr(0, pickle_entry.size() - kPickle.size() + 1);
  if (const std::string order = folder_ + "byteorder"; archive_->has(order)) {
    if (archive_->extract(order, kCountBytes) != "little") fail("its numbers are big-endian");
  }
  const std::string pickle = archive_->extract(pickle_entry, kMaxPickleBytes);
  read_dictionary(Pickle::parse(pickle, name_).root());
}

void TorchFile::parse_legacy() {
  std::string_view rest = std::string_view(bytes_).substr(kLegacyMagic.size());
  const auto next_pickle = [&] {
    Pickle pickle = Pickle::parse(rest, name_);
    if (pickle.size() > kMaxPickleBytes) fail("a pickle in it is larger than 64 MB");
    rest.remove_prefix(pickle.size());
    return pickle;
  };
  const Pickle version = next_pickle();
  if (version.root().kind != Kind::kInteger || version.root().number != kLegacyVersion) {
    fail("its version is not 1001");
  }
  const Pickle machine = next_pickle();
  for (std::size_t i = 0; i + 1 < machine.root().items.size(); i += 2) {
    const bool order = is_key(*machine.root().items[i], "little_endian");
    if (order && machine.root().items[i + 1]->number == 0) fail("its numbers are big-endian");
  }
  read_dictionary(next_pickle().root());
  std::map<std::string, TorchStorage> storages;
  for (const TorchTensor& tensor : tensors_) storages.emplace(tensor.storage.key, tensor.storage);
  const Pickle keys = next_pickle();
  for (const PickleNode* const key : keys.root().items) {
    const auto found = storages.find(std::string(key->text));
    if (found == storages.end()) fail("it lists a storage that no tensor has");
    const TorchStorage& storage = found->second;
    const auto size = static_cast<std::size_t>(storage.count * size_of(storage.type));
    std::int64_t count = 0;
    if (rest.size() < kCountBytes) fail("it is cut off");
    std::memcpy(&count, rest.data(), kCountBytes);
    if (count != storage.count) fail("storage '" + storage.key + "' has two counts of numbers");
    rest.remove_prefix(kCountBytes);
    if (rest.size() < size) fail("it is cut off");
    places_[storage.key] = {bytes_.size() - rest.size(), size};
    rest.remove_prefix(size);
  }
}

void TorchFile::read_dictionary(const PickleNode& root) {
  if (root.kind != Kind::kDictionary) {
    fail("it holds no dictionary of tensors; a state_dict would be right");
  }
  std::set<std::string_view> names;
  for (std::size_t i = 0; i < root.items.size(); i += 2) {
    const PickleNode &key = *root.items[i], &value = *root.items[i + 1];
    if (key.kind != Kind::kText) fail("a key of its dictionary is no text");
    const std::string tensor_name(key.text);
    if (!names.insert(key.text).second) fail("it holds '" + tensor_name + "' twice");
    if (value.kind != Kind::kTensor) {
      fail("its '" + tensor_name + "' is no tensor; a state_dict would be right");
    }
    tensors_.push_back(read_tensor(tensor_name, value));
  }
}

// The arguments of _rebuild_tensor_v2: storage, offset, shape, stride, whether it wants gradients,
// hooks, and perhaps more, which are of no use here.
TorchTensor TorchFile::read_tensor(const std::string& tensor_name, const PickleNode& node) const {
  const auto& parts = node.items;
  if (parts.size() < 6 || parts[0]->kind != Kind::kStorage || parts[1]->kind != Kind::kInteger ||
      parts[2]->kind != Kind::kTuple || parts[3]->kind != Kind::kTuple) {
    fail("'" + tensor_name + "' is not made as tensors are");
  }
  TorchTensor tensor{tensor_name, read_storage(tensor_name, *parts[0]), parts[1]->number, {}, {}};
  if (parts[2]->items.size() > kMaxRank || parts[3]->items.size() != parts[2]->items.size()) {
    fail("'" + tensor_name + "' has more than 8 extents, or not one stride for each");
  }
  for (std::size_t axis = 0; axis < parts[2]->items.size(); ++axis) {
    const PickleNode &extent = *parts[2]->items[axis], &stride = *parts[3]->items[axis];
    if (extent.kind != Kind::kInteger || stride.kind != Kind::kInteger) {
      fail("'" + tensor_name + "' has an extent or a stride that is no integer");
    }
    tensor.shape.push_back(extent.number);
    tensor.stride.push_back(stride.number);
  }
  check_extents(tensor);
  return tensor;
}

// ("storage", type, key, where it was, count), and in the older format what it is a view of: None.
TorchStorage TorchFile::read_storage(const std::string& tensor_name, const PickleNode& node) const {
  const auto& parts = node.items;
  const bool whole = parts.size() == 5 || (parts.size() == 6 && parts[5]->kind == Kind::kNone);
  if (!whole || !is_key(*parts[0], "storage") || parts[1]->kind != Kind::kGlobal ||
      parts[2]->kind != Kind::kText || parts[4]->kind != Kind::kInteger) {
    fail("the storage of '" + tensor_name + "' is not described as storages are");
  }
  TorchStorage storage{std::string(storage_type(parts[1]->text)), std::string(parts[2]->text),
                       parts[4]->number};
  const std::int64_t size = size_of(storage.type);
  if (size == 0) fail("the storage of '" + tensor_name + "' has a type that is none");
  if (storage.count < 0 || static_cast<std::uint64_t>(storage.count) >
                               kMaxStorageBytes / static_cast<std::uint64_t>(size)) {
    fail("the storage of '" + tensor_name + "' claims " + std::to_string(storage.count) +
         " numbers; 4 GB are the most it can have");
  }
  return storage;
}

void TorchFile::check_extents(const TorchTensor& tensor) const {
  std::int64_t elements = 1, last = tensor.offset;
  bool wrong = tensor.offset < 0;
  for (std::size_t axis = 0; axis < tensor.shape.size(); ++axis) {
    const std::int64_t extent = tensor.shape[axis], stride = tensor.stride[axis];
    std::int64_t reach = 0;
    wrong = wrong || extent < 0 || stride < 0 ||
            __builtin_mul_overflow(elements, extent, &elements) ||
            __builtin_mul_overflow(extent - 1, stride, &reach) ||
            __builtin_add_overflow(last, reach, &last);
  }
  const std::int64_t count = tensor.storage.count;
  if (!wrong && elements == 0) return;
  if (wrong || elements > count || last >= count) {
    fail("'" + tensor.name + "' reaches beyond its storage of " + std::to_string(count) +
         " numbers");
  }
}

std::string TorchFile::bytes_of(const TorchStorage& storage) const {
  const auto size = static_cast<std::uint64_t>(storage.count * size_of(storage.type));
  std::string bytes;
  if (archive_) {
    bytes = archive_->extract(folder_ + "data/" + storage.key, size);
  } else if (const auto place = places_.find(storage.key); place != places_.end()) {
    bytes = bytes_.substr(place->second.offset, place->second.size);
  }
  if (bytes.size() != size) {
    fail("storage '" + storage.key + "' has " + std::to_string(bytes.size()) +
         " bytes instead of " + std::to_string(size));
  }
  return bytes;
}

std::vector<float> TorchFile::floats(const TorchTensor& tensor) const {
  if (tensor.storage.type != "Float") {
    fail("'" + tensor.name + "' holds numbers of PyTorch's type " + tensor.storage.type +
         "; Float (float32) would be right");
  }
  const std::string bytes = bytes_of(tensor.storage);
  std::vector<float> values(static_cast<std::size_t>(tensor.elements()));
  std::vector<std::int64_t> index(tensor.shape.size());
  std::int64_t at = tensor.offset;
  for (float& value : values) {
    std::memcpy(&value, bytes.data() + static_cast<std::size_t>(at) * sizeof value, sizeof value);
    for (std::size_t axis = index.size(); axis-- > 0;) {
      if (tensor.shape[axis] == 1) continue;  // its stride may be any number
      at += tensor.stride[axis];
      if (++index[axis] < tensor.shape[axis]) break;
      at -= tensor.stride[axis] * tensor.shape[axis];
      index[axis] = 0;
    }
  }
  return values;
}

void TorchFile::fail(const std::string& what) const {
  throw corrupt("'" + name_ + "' is no file of tensors that can be used: " + what);
}

}  // namespace miniray
