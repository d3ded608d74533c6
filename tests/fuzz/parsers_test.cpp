// Parsers of untrusted bytes: whatever comes, they give a value or throw Error. Random changes to
// good files, the same in every run; the sanitizers' builds watch for the rest.
#include <gtest/gtest.h>

#include <algorithm>
#include <cstring>
#include <functional>

#include "engine/error.h"
#include "engine/file.h"
#include "gan/checkpoint_folder.h"
#include "gan/data/folder/decode.h"
#include "gan/data/folder/picture_cache.h"
#include "gan/data/idx.h"
#include "gan/model_file.h"
#include "gan/npy.h"
#include "gan/torch/torch_file.h"
#include "gan/zip.h"
#include "nn/safetensors.h"
#include "support/idx_bytes.h"
#include "support/mutator.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

constexpr int kMutants = 20'000;

// min_refused: of the mutants, in percent, so that the changes are known to reach what is checked.
void fuzz(const std::string& good, const std::function<void(const std::string&)>& parse,
          int mutants = kMutants, int min_refused = 50) {
  parse(good);
  testing::Mutator mutator;
  int refused = 0;
  for (int i = 0; i < mutants; ++i) {
    const std::string mutant = mutator.mutate(good);
    try {
      parse(mutant);
    } catch (const Error&) {
      ++refused;
    }
  }
  EXPECT_GT(refused, mutants * min_refused / 100);
}

TEST(Fuzz, Safetensors) {
  const testing::TempDir dir;
  const std::vector<float> a{1, 2, 3, 4, 5, 6}, b{7};
  write_safetensors(dir.path() / "a", {{"0.weight", {2, 3}, a}, {"0.bias", {1}, b}}, {{"k", "v"}});
  // Without the digests, which would refuse every change.
  std::string good = read_file(dir.path() / "a", 1 << 20);
  for (const char* const key : {"\"sha256\"", "\"header_sha256\""}) {
    const std::size_t digest = good.find(key);
    ASSERT_NE(digest, std::string::npos);
    good[digest + 1] = 'x';
  }
  fuzz(good, [](const std::string& bytes) {
    const SafetensorsFile file = SafetensorsFile::parse(bytes, "mutant");
    std::vector<float> to(6);
    file.copy_tensor("0.weight", {2, 3}, to);
  });
}

TEST(Fuzz, Manifest) {
  const Manifest manifest{.epoch = 3, .step = 17, .data = "pictures", .digests = {"aa", "bb"}};
  // With the digest of the mutated line, so that what stands in it is what is refused.
  fuzz(manifest.text().substr(0, manifest.text().find('\n')), [](const std::string& line) {
    const std::string digest = sha256_hex(std::as_bytes(std::span(line)));
    Manifest::parse(line + '\n' + digest + '\n', "mutant");
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

TEST(Fuzz, Npz) {
  const auto array = encode_npy("<f8", {2}, std::string(16, '\0'));
  fuzz(zip_bytes({{"mu.npy", array}, {"sigma.npy", array}}), [](const std::string& bytes) {
    const ZipArchive archive = ZipArchive::parse(bytes, "mutant");
    for (const std::string& entry : archive.entries()) archive.extract(entry, 1'000);
  });
  fuzz(array, [](const std::string& bytes) { parse_npy_array(bytes, "mutant"); });
}

void read_tensors(const std::string& bytes) {
  const TorchFile file = TorchFile::parse(bytes, "mutant");
  for (const TorchTensor& tensor : file.tensors()) {
    if (tensor.storage.type != "Float") continue;
    ASSERT_EQ(static_cast<std::int64_t>(file.floats(tensor).size()), tensor.elements());
  }
}

TEST(Fuzz, TorchFiles) {
  const auto saved = [](const char* name) {
    return read_file(std::filesystem::path(MINIRAY_TEST_DATA) / "torch" / name, 1 << 20);
  };
  fuzz(saved("tensors.pth"), read_tensors, kMutants / 4, 30);
  fuzz(saved("tensors_legacy.pth"), read_tensors);
  // The pickle alone, so that no checksum comes first.
  const ZipArchive archive = ZipArchive::parse(saved("tensors.pth"), "tensors");
  std::vector<ZipEntry> entries;
  for (const std::string& entry : archive.entries()) {
    entries.push_back({entry, archive.extract(entry, 1 << 20)});
  }
  const auto pickle = std::ranges::find(entries, "tensors/data.pkl", &ZipEntry::name);
  fuzz(pickle->bytes, [&](const std::string& bytes) {
    pickle->bytes = bytes;
    read_tensors(zip_bytes(entries));
  });
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

TEST(Fuzz, Pictures) {
  const std::filesystem::path folder = std::filesystem::path(MINIRAY_TEST_DATA) / "pictures";
  for (const char* name : {"plain.jpg", "progressive.jpg", "cmyk.jpg", "grey.png", "rgba.png",
                           "palette_transparent.png", "rgb24.bmp", "rgb32.bmp", "palette1.bmp"}) {
    SCOPED_TRACE(name);
    // Changed pixels make another picture, no wrong one.
    fuzz(
        read_file(folder / name, 1 << 20),
        [](const std::string& bytes) {
          const RgbPicture picture = decode_picture(unsigned_bytes(bytes), 4);
          ASSERT_EQ(static_cast<std::int64_t>(picture.pixels.size()),
                    picture.width * picture.height * 3);
        },
        kMutants / 10, 5);
  }
}

// Changes that the checksum does not see.
std::string resealed(std::string cache) {
  if (cache.size() < 96) return cache;
  const auto number = [&](std::size_t at, int size) {
    std::uint64_t value = 0;
    for (int i = size - 1; i >= 0; --i) {
      value = value << 8 | static_cast<unsigned char>(cache[at + static_cast<std::size_t>(i)]);
    }
    return value;
  };
  const std::uint64_t index_size = number(cache.size() - 16, 8);
  if (index_size > cache.size() - 96) return cache;
  const std::size_t begin = cache.size() - 96 - static_cast<std::size_t>(index_size);
  const std::uint32_t check = testing::plain_crc32(cache.substr(begin, cache.size() - 8 - begin));
  for (int i = 0; i < 4; ++i) {
    cache[cache.size() - 8 + static_cast<std::size_t>(i)] = static_cast<char>(check >> 8 * i);
  }
  return cache;
}

TEST(Fuzz, PictureCache) {
  const testing::TempDir dir;
  PictureCacheWriter writer(
      dir.path() / "a",
      {.digest = std::string(64, 'd'), .side = 1, .class_names = {"one", "another"}});
  for (std::uint32_t i = 0; i < 5; ++i) writer.add(i % 2, std::vector<std::uint8_t>(3, 'p'));
  writer.skip("'a.jpg': is none");
  writer.commit();
  fuzz(resealed(read_file(dir.path() / "a", 1 << 20)), [](const std::string& bytes) {
    const std::string mutant = resealed(bytes);
    const PictureIndex index = parse_picture_index(unsigned_bytes(mutant));
    ASSERT_LE(index.size() * index.picture_bytes(), static_cast<std::int64_t>(mutant.size()));
    for (const std::uint32_t label : index.labels) ASSERT_LT(label, index.class_names.size());
  });
}

}  // namespace
}  // namespace miniray
