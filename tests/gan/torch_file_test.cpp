// Files of torch.save against what PyTorch says is in them (tests/torch/make_values.py), and
// pickles that must not be trusted.
#include "gan/torch/torch_file.h"

#include <gtest/gtest.h>

#include <algorithm>

#include "engine/file.h"
#include "support/expect_error.h"
#include "support/pickle_bytes.h"
#include "support/torch_values.h"

namespace miniray {
namespace {

using testing::expect_error;
using testing::global_op;
using testing::integer_op;
using testing::pickle;
using testing::TensorOps;
using testing::text_op;
using testing::torch_zip;

const std::string kNumbers(24, '\0');

const TorchTensor& tensor_of(const TorchFile& file, const std::string& name) {
  const auto found = std::ranges::find(file.tensors(), name, &TorchTensor::name);
  EXPECT_NE(found, file.tensors().end()) << name;
  return *found;
}

void parse(const std::string& bytes) {
  const TorchFile file = TorchFile::parse(bytes, "a.pth");
  for (const TorchTensor& tensor : file.tensors()) file.floats(tensor);
}

void refuse(const std::string& message, const std::string& bytes) {
  expect_error(ErrorKind::kCorrupt, message, [&] { parse(bytes); });
}

// Of the only tensor of a file.
void refuse_tensor(const std::string& message, const TensorOps& tensor) {
  refuse(message, torch_zip(testing::dictionary_of("w", tensor.ops()), kNumbers));
}

void refuse_pickle(const std::string& message, const std::string& operations) {
  refuse(message, torch_zip(pickle(operations), kNumbers));
}

TEST(TorchFile, HoldsWhatTorchSaved) {
  const auto expected = testing::torch_values("tensors");
  for (const char* const name : {"tensors.pth", "tensors_legacy.pth"}) {
    SCOPED_TRACE(name);
    const auto path = std::filesystem::path(MINIRAY_TEST_DATA) / "torch" / name;
    const TorchFile file = TorchFile::parse(read_file(path, 1 << 20), name);
    EXPECT_EQ(file.tensors().size(), expected.size() + 2);
    for (const auto& [tensor, value] : expected.items()) {
      EXPECT_EQ(nlohmann::json(tensor_of(file, tensor).shape), value.at("shape")) << tensor;
      EXPECT_EQ(file.floats(tensor_of(file, tensor)), testing::numbers<float>(value.at("values")))
          << tensor;
    }
    EXPECT_EQ(tensor_of(file, "counter").storage.type, "Long");
    expect_error(ErrorKind::kCorrupt, "'half' holds numbers of PyTorch's type Half",
                 [&] { file.floats(tensor_of(file, "half")); });
  }
}

TEST(TorchFile, TakesWhatTheRefusedOnesAreMadeFrom) {
  const std::string whole = testing::dictionary_of("w", TensorOps().ops());
  parse(torch_zip(whole, kNumbers));
  const TensorOps old{.view = "N"};
  parse(testing::torch_legacy(testing::dictionary_of("w", old.ops()), kNumbers, 6));
}

TEST(TorchFile, CallsNothing) {
  refuse_pickle("it names 'os.system'", global_op("os", "system") + text_op("true") + "\x85R");
  refuse_pickle("it names 'builtins.eval'", text_op("builtins") + text_op("eval") + "\x93");
  refuse_pickle("it names 'torch.load'", global_op("torch", "load"));
  refuse_pickle("it names '__torch__.Network'", global_op("__torch__", "Network"));
  refuse_pickle("it calls 'torch.FloatStorage'", global_op("torch", "FloatStorage") + ")R");
  refuse_pickle("it calls 'collections.OrderedDict'",
                global_op("collections", "OrderedDict") + text_op("a") + "\x85R");
  refuse_pickle("it calls what is no function", text_op("os.system") + ")R");
  refuse_pickle("the operation NEWOBJ (0x81)", global_op("collections", "OrderedDict") + ")\x81");
  refuse_pickle("the operation INST (0x69)", "(ios\nsystem\n");
  refuse_pickle("the operation OBJ (0x6f)", "(o");
  refuse_pickle("the operation EXT1 (0x82)", "\x82\x01");
  refuse_pickle("the operation 0xff", "\xff");
  refuse_pickle("attributes of what has none", ")}b");
}

TEST(TorchFile, RefusesPicklesThatMakeNoSense) {
  refuse_pickle("recalls what it never remembered", "h\x05");
  refuse_pickle("recalls what it never remembered", "j\xff\xff\xff\xff");
  refuse_pickle("from an empty stack", "q\x01");
  refuse_pickle("from an empty stack", "R");
  refuse_pickle("from an empty stack", "N\x87");
  refuse_pickle("from an empty stack", "N(\x85");
  refuse_pickle("from an empty stack", "");
  refuse_pickle("a group that never began", "}u");
  refuse_pickle("a key has no value", "}(Nu");
  refuse_pickle("to what holds none", "NNNs");
  refuse_pickle("leaves objects behind", "NN");
  refuse_pickle("more than 64 bits", "\x8a\x09" + std::string(9, '\x01'));
  refuse_pickle("is cut off", 'X' + testing::little_endian(0xffffffff, 4) + "a");
  refuse_pickle("protocol is newer", "\x80\x06");
  refuse_pickle("no dictionary of tensors", "N");
  refuse_pickle("'a' is no tensor", "}" + text_op("a") + "Ns");
  refuse_pickle("a key of its dictionary is no text", "}NNs");
  // A dictionary that holds itself.
  refuse_pickle("'a' is no tensor", "}q\x01" + text_op("a") + "h\x01s");
  // A tuple that is remembered, and copied again and again.
  refuse_pickle("too many parts", "(" + std::string(1'000, 'N') + "tq\x01Q");
  const std::string twice = text_op("w") + TensorOps().ops();
  refuse_pickle("it holds 'w' twice", "}(" + twice + twice + "u");
}

TEST(TorchFile, RefusesTensorsOutsideTheirStorage) {
  refuse_tensor("reaches beyond its storage of 5 numbers", {.count = integer_op(5)});
  refuse_tensor("reaches beyond its storage of 6 numbers", {.offset = integer_op(1)});
  refuse_tensor("reaches beyond its storage", {.offset = integer_op(-1)});
  refuse_tensor("reaches beyond its storage", {.stride = integer_op(3) + integer_op(2) + "\x86"});
  refuse_tensor("reaches beyond its storage", {.stride = integer_op(3) + integer_op(-1) + "\x86"});
  refuse_tensor("reaches beyond its storage", {.shape = integer_op(-2) + integer_op(3) + "\x86"});
  // One number, a thousand times; extents whose product overflows.
  refuse_tensor("reaches beyond its storage",
                {.shape = integer_op(1'000) + "\x85", .stride = integer_op(0) + "\x85"});
  const std::string huge = integer_op(1 << 30);
  refuse_tensor("reaches beyond its storage", {.shape = '(' + huge + huge + huge + 't',
                                               .stride = '(' + huge + huge + huge + 't'});
  refuse_tensor("more than 8 extents", {.shape = '(' + std::string(9, ')') + 't'});
  refuse_tensor("not one stride for each", {.stride = ")"});
  refuse_tensor("no integer", {.shape = "NN\x86"});
}

TEST(TorchFile, RefusesStoragesThatAreNotThere) {
  refuse_tensor("has 24 bytes instead of 28", {.count = integer_op(7)});
  refuse_tensor("claims 2147483647 numbers", {.count = integer_op(0x7fffffff)});
  refuse_tensor("claims -1 numbers", {.count = integer_op(-1)});
  refuse_tensor("has no 'archive/data/1'", {.key = text_op("1")});
  refuse_tensor("has a type that is none", {.type = global_op("collections", "OrderedDict")});
  refuse_tensor("not described as storages are", {.key = "N"});
  refuse_tensor("holds numbers of PyTorch's type Int", {.type = global_op("torch", "IntStorage")});
}

TEST(TorchFile, RefusesOtherFiles) {
  refuse("neither as a zip archive nor with PyTorch's magic number", "");
  refuse("neither as a zip archive nor with PyTorch's magic number", pickle("N"));
  refuse("a zip archive without a data.pkl", zip_bytes({{"mu.npy", "1"}}));
  refuse("two pickles", zip_bytes({{"a/data.pkl", pickle("}")}, {"b/data.pkl", pickle("}")}}));
  refuse("big-endian", zip_bytes({{"a/data.pkl", pickle("}")}, {"a/byteorder", "big"}}));
  const std::string good = testing::dictionary_of("w", TensorOps{.view = "N"}.ops());
  refuse("has two counts", testing::torch_legacy(good, kNumbers, 5));
  const std::string whole = testing::torch_legacy(good, kNumbers, 6);
  for (std::size_t size = 0; size < whole.size(); ++size) {
    SCOPED_TRACE(size);
    refuse("", whole.substr(0, size));
  }
}

}  // namespace
}  // namespace miniray
