// Parsers of untrusted bytes: whatever comes, they give a value or throw Error. Random changes to
// good files, the same in every run; the sanitizers' builds watch for the rest.
#include <gtest/gtest.h>

#include <cstring>
#include <functional>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/data/idx.h"
#include "gan/model_file.h"
#include "gan/npy.h"
#include "nn/safetensors.h"
#include "support/idx_bytes.h"
#include "support/mutator.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

constexpr int kMutants = 20'000;

void fuzz(const std::string& good, const std::function<void(const std::string&)>& parse) {
  parse(good);
  testing::Mutator mutator;
  int refused = 0;
  for (int i = 0; i < kMutants; ++i) {
    const std::string mutant = mutator.mutate(good);
    try {
      parse(mutant);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, kMutants / 2);  // the changes reached what is checked
}

TEST(Fuzz, Safetensors) {
  const testing::TempDir dir;
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{7};
  write_safetensors(dir.path() / "a", {{"0.weight", {2, 3}, a}, {"0.bias", {1}, b}}, {{"k", "v"}});
  // Without the digest, which would refuse every change of the payload.
  std::string good = read_file(dir.path() / "a", 1 << 20);
  const std::size_t digest = good.find("sha256");
  ASSERT_NE(digest, std::string::npos);
  good[digest] = 'x';
  fuzz(good, [](const std::string& bytes) {
    const SafetensorsFile file = SafetensorsFile::parse(bytes, "mutant");
    std::vector<float> to(6);
    file.copy_tensor("0.weight", {2, 3}, to);
  });
}

TEST(Fuzz, Npy) {
  std::string good("\x93NUMPY\x01\x00\x46\x00", 10);
  good += "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }";
  good.resize(10 + 0x46, ' ');
  good.resize(good.size() + 24, '\0');
  fuzz(good, [](const std::string& bytes) {
    const NpyMatrix matrix = parse_npy(bytes, "mutant");
    ASSERT_EQ(static_cast<std::int64_t>(matrix.values.size()), matrix.rows * matrix.columns);
  });
}

std::span<const std::uint8_t> unsigned_bytes(const std::string& bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

TEST(Fuzz, Idx) {
  fuzz(testing::idx_bytes({2, 3, 4}, std::string(24, 'v')), [](const std::string& bytes) {
    const IdxArray array = parse_idx(unsigned_bytes(bytes), "mutant");
    ASSERT_EQ(static_cast<std::int64_t>(array.values.size()), array.shape.elements());
  });
}

TEST(Fuzz, Gzip) {
  fuzz(testing::gzip_bytes("contents that are stored"),
       [](const std::string& bytes) { inflate_gzip(unsigned_bytes(bytes), 1 << 20, "mutant"); });
}

}  // namespace
}  // namespace miniray
