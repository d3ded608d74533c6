// Pickles of tensors: the subset of Python's pickle format that torch.save writes for a state_dict.
//
// A pickle is a program for a machine with a stack. This one executes nothing: objects are nodes of
// a table, a callable is its name, and a call is allowed only where it is known what it would make.
// Operations, names and calls that such files do not need are refused and named. Time and memory
// are linear in the bytes; nothing recurses.
#pragma once

#include <cstdint>
#include <deque>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace miniray {

struct PickleNode {
  enum class Kind {
    kNone,
    kBool,        // number: 0 or 1
    kInteger,     // number
    kText,        // text
    kTuple,       // items
    kList,        // items
    kDictionary,  // items: key, value, key, value; collections.OrderedDict too
    kGlobal,      // text: "module.name"
    kStorage,     // items: of the tuple that identifies it to torch.load
    kTensor,      // items: the arguments of torch._utils._rebuild_tensor_v2
  };
  Kind kind = Kind::kNone;
  std::int64_t number = 0;
  std::string_view text{};  // of the bytes that were parsed, or static
  std::vector<const PickleNode*> items{};
};

// What a pickle holds, as nodes that may refer to one another in circles. Refers to the bytes that
// were parsed, which must outlive it.
class Pickle {
 public:
  // Of the pickle at the beginning of `bytes`. Throws corrupt, naming what is wrong and at which
  // byte; `name` stands for the path.
  static Pickle parse(std::string_view bytes, const std::string& name);

  const PickleNode& root() const { return *root_; }
  std::size_t size() const { return size_; }  // of the pickle, in bytes

 private:
  friend class Unpickler;
  std::deque<PickleNode> nodes_;  // a deque, so that they stay where they are
  const PickleNode* root_ = nullptr;
  std::size_t size_ = 0;
};

}  // namespace miniray
