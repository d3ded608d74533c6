#include "gan/torch/pickle.h"

#include <algorithm>
#include <array>
#include <cstdio>

#include "engine/error.h"

namespace miniray {
namespace {

using Kind = PickleNode::Kind;

constexpr std::string_view kOrderedDict = "collections.OrderedDict";
constexpr std::string_view kRebuildTensor = "torch._utils._rebuild_tensor_v2";
constexpr int kNewestProtocol = 5;
constexpr std::size_t kMostParts = 8;  // of a tensor or a storage

// Every callable that a state_dict needs. Storages are but named, as a type of number.
constexpr std::array kGlobals = {
    kOrderedDict,
    kRebuildTensor,
    std::string_view("torch.FloatStorage"),
    std::string_view("torch.DoubleStorage"),
    std::string_view("torch.HalfStorage"),
    std::string_view("torch.BFloat16Storage"),
    std::string_view("torch.LongStorage"),
    std::string_view("torch.IntStorage"),
    std::string_view("torch.ShortStorage"),
    std::string_view("torch.CharStorage"),
    std::string_view("torch.ByteStorage"),
    std::string_view("torch.BoolStorage"),
};

// The operations that are carried out, by their names in Python's pickletools.
enum Operation : unsigned char {
  kMark = '(',
  kStop = '.',
  kBinInt = 'J',
  kBinInt1 = 'K',
  kBinInt2 = 'M',
  kLong1 = 0x8a,
  kNone = 'N',
  kNewTrue = 0x88,
  kNewFalse = 0x89,
  kBinUnicode = 'X',
  kShortBinUnicode = 0x8c,
  kEmptyTuple = ')',
  kTuple1 = 0x85,
  kTuple2 = 0x86,
  kTuple3 = 0x87,
  kTuple = 't',
  kEmptyList = ']',
  kAppend = 'a',
  kAppends = 'e',
  kEmptyDict = '}',
  kSetItem = 's',
  kSetItems = 'u',
  kGlobal = 'c',
  kStackGlobal = 0x93,
  kReduce = 'R',
  kBuild = 'b',
  kBinPersId = 'Q',
  kBinPut = 'q',
  kLongBinPut = 'r',
  kMemoize = 0x94,
  kBinGet = 'h',
  kLongBinGet = 'j',
  kProto = 0x80,
  kFrame = 0x95,
};

// What messages call an operation that is refused: its byte, and its name where it is well known.
std::string operation_name(unsigned char operation) {
  struct Named {
    unsigned char operation;
    const char* name;
  };
  constexpr Named kNamed[] = {{'i', "INST"},         {'o', "OBJ"},
                              {0x81, "NEWOBJ"},      {0x92, "NEWOBJ_EX"},
                              {0x82, "EXT1"},        {0x83, "EXT2"},
                              {0x84, "EXT4"},        {'P', "PERSID"},
                              {'G', "BINFLOAT"},     {'F', "FLOAT"},
                              {'I', "INT"},          {'L', "LONG"},
                              {'S', "STRING"},       {'U', "SHORT_BINSTRING"},
                              {'T', "BINSTRING"},    {'V', "UNICODE"},
                              {'B', "BINBYTES"},     {'C', "SHORT_BINBYTES"},
                              {'0', "POP"},          {'1', "POP_MARK"},
                              {'2', "DUP"},          {'g', "GET"},
                              {'p', "PUT"},          {'d', "DICT"},
                              {'l', "LIST"},         {0x8b, "LONG4"},
                              {0x8d, "BINUNICODE8"}, {0x8e, "BINBYTES8"},
                              {0x8f, "EMPTY_SET"},   {0x90, "ADDITEMS"},
                              {0x91, "FROZENSET"},   {0x96, "BYTEARRAY8"},
                              {0x97, "NEXT_BUFFER"}, {0x98, "READONLY_BUFFER"}};
  char code[16];
  std::snprintf(code, sizeof code, "0x%02x", operation);
  for (const Named& named : kNamed) {
    if (named.operation == operation) return std::string(named.name) + " (" + code + ")";
  }
  return code;
}

// For messages: what came from the file, cut to a length that one can read.
std::string quoted(std::string_view text) {
  constexpr std::size_t kMost = 80;
  return "'" + std::string(text.substr(0, kMost)) + (text.size() > kMost ? "..'" : "'");
}

}  // namespace

class Unpickler {
 public:
  Unpickler(std::string_view bytes, const std::string& name) : bytes_(bytes), name_(name) {}

  Pickle run() {
    while (true) {
      operation_at_ = at_;
      const auto operation = static_cast<unsigned char>(take(1)[0]);
      if (operation == kStop) break;
      if (!take_value(operation) && !take_container(operation) && !take_call(operation) &&
          !take_memo(operation)) {
        fail("it uses the operation " + operation_name(operation) +
             ", which no file of tensors needs");
      }
    }
    pickle_.root_ = pop();
    if (!stack_.empty()) fail("it leaves objects behind");
    pickle_.size_ = at_;
    return std::move(pickle_);
  }

 private:
  // Each carries out the operation, or returns false where it is none of its kind.
  bool take_value(unsigned char operation) {
    switch (operation) {
      case kProto:
        if (number(1) > kNewestProtocol) fail("its protocol is newer than 5");
        return true;
      case kFrame:
        take(8);  // only a hint for readers from streams
        return true;
      case kBinInt:
        push_integer(static_cast<std::int32_t>(number(4)));
        return true;
      case kBinInt1:
        push_integer(static_cast<std::int64_t>(number(1)));
        return true;
      case kBinInt2:
        push_integer(static_cast<std::int64_t>(number(2)));
        return true;
      case kLong1:
        push_long(number(1));
        return true;
      case kNone:
        push({});
        return true;
      case kNewTrue:
      case kNewFalse:
        push({.kind = Kind::kBool, .number = operation == kNewTrue});
        return true;
      case kBinUnicode:
        push({.kind = Kind::kText, .text = take(number(4))});
        return true;
      case kShortBinUnicode:
        push({.kind = Kind::kText, .text = take(number(1))});
        return true;
      default:
        return false;
    }
  }

  bool take_container(unsigned char operation) {
    switch (operation) {
      case kMark:
        marks_.push_back(stack_.size());
        return true;
      case kEmptyTuple:
        push({.kind = Kind::kTuple});
        return true;
      case kTuple1:
      case kTuple2:
      case kTuple3:
        push_tuple(pop_last(operation - kTuple1 + std::size_t{1}));
        return true;
      case kTuple:
        push_tuple(pop_to_mark());
        return true;
      case kEmptyList:
        push({.kind = Kind::kList});
        return true;
      case kAppend:
        add_to(Kind::kList, pop_last(1));
        return true;
      case kAppends:
        add_to(Kind::kList, pop_to_mark());
        return true;
      case kEmptyDict:
        push({.kind = Kind::kDictionary});
        return true;
      case kSetItem:
        add_to(Kind::kDictionary, pop_last(2));
        return true;
      case kSetItems:
        add_to(Kind::kDictionary, pop_to_mark());
        return true;
      default:
        return false;
    }
  }

  bool take_call(unsigned char operation) {
    switch (operation) {
      case kGlobal: {
        const std::string_view module = take_line();
        push_global(module, take_line());
        return true;
      }
      case kStackGlobal: {
        const PickleNode* const member = pop_kind(Kind::kText, "a name");
        push_global(pop_kind(Kind::kText, "a module's name")->text, member->text);
        return true;
      }
      case kReduce:
        call();
        return true;
      case kBuild:
        // Of a state_dict: a dictionary of attributes, versions of modules. Nobody needs them.
        pop_kind(Kind::kDictionary, "attributes");
        if (top()->kind != Kind::kDictionary) fail("it sets attributes of what has none");
        return true;
      case kBinPersId: {
        push_parts(Kind::kStorage, *pop_kind(Kind::kTuple, "a storage's tuple"));
        return true;
      }
      default:
        return false;
    }
  }

  bool take_memo(unsigned char operation) {
    switch (operation) {
      case kBinPut:
        memo_[number(1)] = top();
        return true;
      case kLongBinPut:
        memo_[number(4)] = top();
        return true;
      case kMemoize:
        memo_[memo_.size()] = top();
        return true;
      case kBinGet:
        push_remembered(number(1));
        return true;
      case kLongBinGet:
        push_remembered(number(4));
        return true;
      default:
        return false;
    }
  }

  void push_long(std::uint64_t size) {
    if (size > sizeof(std::int64_t)) fail("it holds an integer of more than 64 bits");
    const bool negative =
        size > 0 && (bytes_.size() - at_ >= size) && (bytes_[at_ + size - 1] & 0x80);
    std::uint64_t value = number(size);
    if (negative && size < sizeof value) value |= ~std::uint64_t{0} << (8 * size);
    push_integer(static_cast<std::int64_t>(value));
  }

  void push_global(std::string_view module, std::string_view member) {
    for (const std::string_view global : kGlobals) {
      if (global.size() == module.size() + 1 + member.size() && global.starts_with(module) &&
          global[module.size()] == '.' && global.ends_with(member)) {
        return push({.kind = Kind::kGlobal, .text = global});
      }
    }
    const std::string name = std::string(module) + '.' + std::string(member);
    fail("it names " + quoted(std::string_view(name)) + ", which no file of tensors needs");
  }

  void call() {
    const PickleNode* const arguments = pop_kind(Kind::kTuple, "a call's arguments");
    const PickleNode* const callable = pop();
    if (callable->kind != Kind::kGlobal) fail("it calls what is no function");
    if (callable->text == kOrderedDict && arguments->items.empty()) {
      return push({.kind = Kind::kDictionary});
    }
    if (callable->text == kRebuildTensor) return push_parts(Kind::kTensor, *arguments);
    fail("it calls " + quoted(callable->text) + " with arguments that no file of tensors needs");
  }

  // Small tuples only: one that is remembered could be copied again and again.
  void push_parts(Kind kind, const PickleNode& tuple) {
    if (tuple.items.size() > kMostParts) fail("a tensor or storage is made of too many parts");
    push({.kind = kind, .items = tuple.items});
  }

  void push_remembered(std::uint64_t key) {
    const auto found = memo_.find(key);
    if (found == memo_.end()) fail("it recalls what it never remembered");
    stack_.push_back(found->second);
  }

  void push(PickleNode node) {
    pickle_.nodes_.push_back(std::move(node));
    stack_.push_back(&pickle_.nodes_.back());
  }
  void push_integer(std::int64_t value) { push({.kind = Kind::kInteger, .number = value}); }
  void push_tuple(std::vector<const PickleNode*> items) {
    push({.kind = Kind::kTuple, .items = std::move(items)});
  }

  void add_to(Kind kind, const std::vector<const PickleNode*>& items) {
    PickleNode* const to = top();
    if (to->kind != kind) fail("it adds items to what holds none");
    if (kind == Kind::kDictionary && items.size() % 2 != 0) fail("a key has no value");
    to->items.insert(to->items.end(), items.begin(), items.end());
  }

  // Objects above the last mark may be taken, no others.
  std::size_t floor() const { return marks_.empty() ? 0 : marks_.back(); }
  PickleNode* top() {
    if (stack_.size() <= floor()) fail("it takes an object from an empty stack");
    return stack_.back();
  }
  const PickleNode* pop() {
    const PickleNode* const node = top();
    stack_.pop_back();
    return node;
  }
  const PickleNode* pop_kind(Kind kind, const char* what) {
    const PickleNode* const node = pop();
    if (node->kind != kind) fail("something else stands where " + std::string(what) + " should be");
    return node;
  }
  std::vector<const PickleNode*> pop_last(std::size_t count) {
    if (stack_.size() - floor() < count) fail("it takes objects from an empty stack");
    std::vector<const PickleNode*> items(stack_.end() - static_cast<std::ptrdiff_t>(count),
                                         stack_.end());
    stack_.resize(stack_.size() - count);
    return items;
  }
  std::vector<const PickleNode*> pop_to_mark() {
    if (marks_.empty()) fail("it ends a group that never began");
    auto items = pop_last(stack_.size() - marks_.back());
    marks_.pop_back();
    return items;
  }

  std::string_view take(std::uint64_t size) {
    if (size > bytes_.size() - at_) fail("it is cut off");
    const std::string_view taken = bytes_.substr(at_, size);
    at_ += size;
    return taken;
  }
  std::string_view take_line() {
    const std::size_t end = bytes_.find('\n', at_);
    if (end == std::string_view::npos) fail("it is cut off");
    const std::string_view line = take(end - at_);
    take(1);
    return line;
  }
  std::uint64_t number(std::uint64_t size) {
    const std::string_view digits = take(size);
    std::uint64_t value = 0;
    for (std::size_t i = digits.size(); i-- > 0;) {
      value = value << 8 | static_cast<unsigned char>(digits[i]);
    }
    return value;
  }

  [[noreturn]] void fail(const std::string& what) const {
    throw corrupt("'" + name_ + "' holds no pickle of tensors that can be used: " + what +
                  " (byte " + std::to_string(operation_at_) + ")");
  }

  std::string_view bytes_;
  const std::string& name_;
  std::size_t at_ = 0, operation_at_ = 0;
  Pickle pickle_;
  std::vector<PickleNode*> stack_;
  std::vector<std::size_t> marks_;  // heights of the stack
  std::map<std::uint64_t, PickleNode*> memo_;
};

Pickle Pickle::parse(std::string_view bytes, const std::string& name) {
  return Unpickler(bytes, name).run();
}

}  // namespace miniray
