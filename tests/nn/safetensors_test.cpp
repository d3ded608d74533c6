#include "nn/safetensors.h"

#include <gtest/gtest.h>

#include <cstring>
#include <limits>

#include "engine/file.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

using testing::expect_error;

// A file put together by hand from the format's description.
std::string file_of(const std::string& header, std::size_t payload_bytes,
                    std::uint64_t extra_length = 0) {
  std::string file(8, '\0');
  const std::uint64_t length = header.size() + extra_length;
  std::memcpy(file.data(), &length, 8);
  return file + header + std::string(payload_bytes, '\0');
}

SafetensorsFile parse(const std::string& header, std::size_t payload_bytes) {
  return SafetensorsFile::parse(file_of(header, payload_bytes), "test");
}

TEST(Safetensors, ReadsWhatItWrote) {
  const testing::TempDir dir;
  const auto path = dir.path() / "a.safetensors";
  const auto a = testing::random_values<float>(6, 1), b = testing::random_values<float>(5, 2);
  write_safetensors(path, {{"w", {2, 3}, a}, {"b", {5}, b}}, {{"key", "va\"l\xC3\xBCue"}});
  const SafetensorsFile file = SafetensorsFile::read(path);
  EXPECT_EQ(file.metadata("key"), "va\"l\xC3\xBCue");
  EXPECT_EQ(file.tensor_names(), (std::vector<std::string>{"b", "w"}));
  std::vector<float> read_a(6), read_b(5);
  file.copy_tensor("w", {2, 3}, read_a);
  file.copy_tensor("b", {5}, read_b);
  EXPECT_EQ(read_a, a);
  EXPECT_EQ(read_b, b);
}

TEST(Safetensors, ReadsAFileMadeByHand) {
  const auto file = parse(R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
                          R"("y":{"dtype":"F32","shape":[],"data_offsets":[8,12]}})",
                          12);
  std::vector<float> x(2, 1.0F);
  file.copy_tensor("x", {2}, x);
  EXPECT_EQ(x, std::vector<float>(2));
}

TEST(Safetensors, RefusesEveryBrokenRuleOfTheFormat) {
  const struct {
    const char* what;
    const char* header;
    std::size_t payload;
  } cases[] = {
      {"no object", R"([1])", 0},
      {"no JSON", R"({"x":)", 0},
      {"something behind it", R"({} x)", 0},
      {"key twice",
       R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]},)"
       R"("x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})",
       4},
      {"metadata key twice", R"({"__metadata__":{"a":"1","a":"2"}})", 0},
      {"metadata no text", R"({"__metadata__":{"a":1}})", 0},
      {"other type", R"({"x":{"dtype":"F64","shape":[1],"data_offsets":[0,8]}})", 8},
      {"field missing", R"({"x":{"dtype":"F32","shape":[1]}})", 4},
      {"shape no array", R"({"x":{"dtype":"F32","shape":1,"data_offsets":[0,4]}})", 4},
      {"one offset", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0]}})", 4},
      {"negative offset", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[-4,0]}})", 4},
      {"broken offset", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0.0,4.0]}})", 4},
      {"offsets backwards", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,0]}})", 4},
      {"size of another shape", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,4]}})", 4},
      {"gap in front", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})", 8},
      {"rest behind", R"({"x":{"dtype":"F32","shape":[1],"data_offsets":[0,4]}})", 8},
      {"beyond the end", R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]}})", 4},
      {"overlap",
       R"({"x":{"dtype":"F32","shape":[2],"data_offsets":[0,8]},)"
       R"("y":{"dtype":"F32","shape":[1],"data_offsets":[4,8]}})",
       8},
      {"shape overflows",
       R"({"x":{"dtype":"F32","shape":[4294967296,4294967296],)"
       R"("data_offsets":[0,0]}})",
       0},
      {"extent overflows",
       R"({"x":{"dtype":"F32","shape":[18446744073709551615],)"
       R"("data_offsets":[0,4]}})",
       4},
      {"nested", R"({"x":{"dtype":"F32","shape":{"a":{"b":{}}},"data_offsets":[0,4]}})", 4},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.what);
    expect_error(ErrorKind::kCorrupt, "'test'", [&] { parse(test.header, test.payload); });
  }
}

TEST(Safetensors, RefusesAHeaderLongerThanTheFile) {
  expect_error(ErrorKind::kCorrupt, "'test'", [] { SafetensorsFile::parse("1234567", "test"); });
  for (const std::uint64_t extra : {std::uint64_t{1}, ~std::uint64_t{0} - 2}) {
    expect_error(ErrorKind::kCorrupt, "header",
                 [&] { SafetensorsFile::parse(file_of("{}", 0, extra), "test"); });
  }
}

TEST(Safetensors, FindsADamagedNumber) {
  const testing::TempDir dir;
  const auto path = dir.path() / "a";
  write_safetensors(path, {{"w", {4}, testing::random_values<float>(4, 1)}}, {});
  std::string bytes = read_file(path, 1 << 20);
  bytes.back() ^= 1;
  expect_error(ErrorKind::kCorrupt, "SHA-256", [&] { SafetensorsFile::parse(bytes, "test"); });
}

// Padding, names, metadata, digests: every bit of the header, each alone.
TEST(Safetensors, FindsEveryDamagedBitOfTheHeader) {
  const testing::TempDir dir;
  const auto path = dir.path() / "a";
  write_safetensors(path, {{"w", {4}, testing::random_values<float>(4, 1)}}, {{"format", "pt"}});
  const std::string good = read_file(path, 1 << 20);
  for (std::size_t bit = 0; bit < 8 * (good.size() - 16); ++bit) {
    std::string bytes = good;
    bytes[bit / 8] = static_cast<char>(bytes[bit / 8] ^ (1 << bit % 8));
    EXPECT_THROW(SafetensorsFile::parse(bytes, "test"), Error) << bit;
  }
}

TEST(Safetensors, FilesOfOthersNeedNoDigest) {
  const auto file = parse(R"({"__metadata__":{"a":"b"}})", 0);
  EXPECT_EQ(file.metadata("a"), "b");
  expect_error(ErrorKind::kCorrupt, "lacks 'header_sha256'",
               [] { parse(R"({"__metadata__":{"sha256":"b"}})", 0); });
}

TEST(Safetensors, CopyTensorChecksNameShapeAndNumbers) {
  const testing::TempDir dir;
  const auto path = dir.path() / "a";
  std::vector<float> values{1, std::numeric_limits<float>::quiet_NaN()}, to(2);
  write_safetensors(path, {{"w", {2}, values}}, {});
  const SafetensorsFile file = SafetensorsFile::read(path);
  expect_error(ErrorKind::kCorrupt, "'v'", [&] { file.copy_tensor("v", {2}, to); });
  expect_error(ErrorKind::kCorrupt, "1x2 would be right", [&] {
    file.copy_tensor("w", {1, 2}, to);
  });
  expect_error(ErrorKind::kCorrupt, "not finite", [&] { file.copy_tensor("w", {2}, to); });
  expect_error(ErrorKind::kCorrupt, "'key'", [&] { (void)file.metadata("key"); });
}

}  // namespace
}  // namespace miniray
