// What is written and read: models, PNG, npy, records; and the names of runs.
#include <gtest/gtest.h>

#include <cstring>
#include <fstream>
#include <limits>
#include <nlohmann/json.hpp>

#define STB_IMAGE_IMPLEMENTATION
#define STB_IMAGE_STATIC
#define STBI_ONLY_PNG
#pragma GCC diagnostic push
#pragma GCC diagnostic ignored "-Wunused-function"
#include <stb/stb_image.h>
#pragma GCC diagnostic pop

#include "engine/file.h"
#include "gan/gan_state.h"
#include "gan/image_io.h"
#include "gan/job_id.h"
#include "gan/model_file.h"
#include "gan/npy.h"
#include "gan/records.h"
#include "nn/safetensors.h"
#include "support/expect_error.h"
#include "support/random_values.h"
#include "support/small_gan.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;
using testing::TempDir;

Images arbitrary_images(std::int64_t count, std::int64_t channels) {
  Images images{count, 5, 7, channels, {}};
  for (std::int64_t i = 0; i < count * images.image_bytes(); ++i) {
    images.pixels.push_back(static_cast<std::uint8_t>(i * 37 % 251));
  }
  return images;
}

// Decodes with another library than the one that wrote.
std::vector<std::uint8_t> decode(const fs::path& path, int& width, int& height, int& channels) {
  std::uint8_t* const pixels = stbi_load(path.c_str(), &width, &height, &channels, 0);
  if (pixels == nullptr) return {};
  std::vector<std::uint8_t> copy(pixels, pixels + width * height * channels);
  stbi_image_free(pixels);
  return copy;
}

TEST(Png, HoldsThePixels) {
  for (const std::int64_t channel_count : {1, 3}) {
    const TempDir dir;
    const Images images = arbitrary_images(3, channel_count);
    write_pngs(ThreadBudget(2), images, 9, dir.path());
    for (std::int64_t i = 0; i < 3; ++i) {
      int width = 0, height = 0, channels = 0;
      const auto name = "image_000" + std::string(i == 0 ? "09" : i == 1 ? "10" : "11") + ".png";
      const auto pixels = decode(dir.path() / name, width, height, channels);
      EXPECT_EQ(width, 7);
      EXPECT_EQ(height, 5);
      EXPECT_EQ(channels, channel_count);
      EXPECT_TRUE(std::ranges::equal(pixels, images.image(i)));
    }
  }
}

TEST(Sheet, ShowsEveryPictureInItsPlace) {
  const TempDir dir;
  const Images images = arbitrary_images(5, 3);
  write_sheet(dir.path() / "sheet.png", images, 3, 2);
  int width = 0, height = 0, channels = 0;
  const auto sheet = decode(dir.path() / "sheet.png", width, height, channels);
  ASSERT_EQ(width, 2 + 3 * (14 + 2));
  ASSERT_EQ(height, 2 + 2 * (10 + 2));
  for (int i = 0; i < 5; ++i) {
    for (int y = 0; y < 10; ++y) {
      for (int x = 0; x < 14; ++x) {
        const int left = 2 + i % 3 * 16, top = 2 + i / 3 * 12;
        const auto at = static_cast<std::size_t>(((top + y) * width + left + x) * 3);
        const auto from = static_cast<std::size_t>((y / 2 * 7 + x / 2) * 3);
        ASSERT_TRUE(std::equal(&sheet[at], &sheet[at] + 3, &images.image(i)[from]));
      }
    }
  }
  EXPECT_EQ(sheet[0], 255);
}

std::string npy_bytes(const std::string& dictionary, std::size_t payload, int version = 1) {
  std::string bytes("\x93NUMPY");
  bytes += static_cast<char>(version);
  bytes += '\0';
  bytes += static_cast<char>(dictionary.size());
  bytes += std::string(version == 1 ? 1 : 3, '\0');
  return bytes + dictionary + std::string(payload, '\0');
}

TEST(Npy, ReadsMatricesOfFloats) {
  const std::string dictionary = "{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }   \n";
  for (const int version : {1, 2, 3}) {
    std::string bytes = npy_bytes(dictionary, 24, version);
    const float last = 1.5F;
    std::memcpy(&bytes[bytes.size() - 4], &last, 4);
    const NpyMatrix matrix = parse_npy(bytes, "test");
    EXPECT_EQ(matrix.rows, 2);
    EXPECT_EQ(matrix.columns, 3);
    EXPECT_EQ(matrix.values, (std::vector<float>{0, 0, 0, 0, 0, 1.5F}));
  }
}

TEST(Npy, RefusesEverythingElse) {
  const struct {
    const char* dictionary;
    std::size_t payload;
  } cases[] = {
      {"{'descr': '<f8', 'fortran_order': False, 'shape': (2, 3), }", 48},
      {"{'descr': '>f4', 'fortran_order': False, 'shape': (2, 3), }", 24},
      {"{'descr': '<f4', 'fortran_order': True, 'shape': (2, 3), }", 24},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (6,), }", 24},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (1, 2, 3), }", 24},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 23},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (2, 3), }", 25},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (0, 3), }", 0},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (-2, -3), }", 24},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (4611686018427387904, 4), }", 0},
      {"{'descr': '<f4', 'fortran_order': False, 'shape': (", 0},
      {"{'descr': '<f4', 'fortran_order': False}", 24},
      {"{}", 24},
      {"", 0},
  };
  for (const auto& test : cases) {
    SCOPED_TRACE(test.dictionary);
    expect_error(ErrorKind::kCorrupt, "'test'",
                 [&] { parse_npy(npy_bytes(test.dictionary, test.payload), "test"); });
  }
  for (const std::string& bytes : {std::string(), std::string("\x93NUMPY"), std::string(100, 'x'),
                                   npy_bytes("{}", 0, 4), npy_bytes("{}", 0).substr(0, 11)}) {
    expect_error(ErrorKind::kCorrupt, "'test'", [&] { parse_npy(bytes, "test"); });
  }
}

TEST(Npy, RefusesNumbersThatAreNotFinite) {
  std::string bytes = npy_bytes("{'descr': '<f4', 'fortran_order': False, 'shape': (1, 1), }", 4);
  const float infinity = std::numeric_limits<float>::infinity();
  std::memcpy(&bytes[bytes.size() - 4], &infinity, 4);
  expect_error(ErrorKind::kCorrupt, "not finite", [&] { parse_npy(bytes, "test"); });
}

TEST(Npy, WritesAlignedImages) {
  const TempDir dir;
  const Images images = arbitrary_images(3, 3);
  write_npy(dir.path() / "a.npy", images);
  const std::string bytes = read_file(dir.path() / "a.npy", 1 << 20);
  EXPECT_EQ(bytes.substr(0, 8), std::string("\x93NUMPY\x01\x00", 8));
  const std::size_t header = static_cast<unsigned char>(bytes[8]);
  EXPECT_EQ((10 + header) % 64, 0U);
  EXPECT_EQ(bytes[10 + header - 1], '\n');
  EXPECT_NE(bytes.find("'shape': (3, 5, 7, 3)"), std::string::npos);
  EXPECT_TRUE(std::equal(images.pixels.begin(), images.pixels.end(), bytes.begin() + 10 + header,
                         [](std::uint8_t a, char b) { return a == static_cast<std::uint8_t>(b); }));
}

TEST(ModelFile, GivesBackSpecAndNumbers) {
  const TempDir dir;
  const GanSpec spec = testing::small_spec();
  Network<float> generator(make_generator_plan(spec));
  generator.init(3, kGeneratorStream);
  std::ranges::copy(testing::random_values<float>(generator.statistics().size(), 1, 0, 1),
                    generator.statistics().begin());
  save_network(dir.path() / "g", Role::kGenerator, spec, generator);
  const LoadedGenerator loaded = load_generator(dir.path() / "g");
  EXPECT_EQ(loaded.spec.hidden, spec.hidden);
  EXPECT_EQ(loaded.spec.latent_dim, spec.latent_dim);
  EXPECT_EQ(loaded.spec.image_shape, spec.image_shape);
  EXPECT_TRUE(std::ranges::equal(loaded.network.parameters(), generator.parameters()));
  for (const Slice& slice : generator.plan().statistics().slices()) {
    EXPECT_TRUE(std::ranges::equal(slice_of(loaded.network.statistics(), slice),
                                   slice_of(generator.statistics(), slice)));
  }
}

// Every architecture in every form that a file can describe.
TEST(ModelFile, GivesBackEveryKindOfModel) {
  const TempDir dir;
  for (const char* architecture : {"mlp", "dcgan", "sngan"}) {
    for (const char* d_norm : {"", "none", "spectral"}) {
      for (const bool conditional : {false, true}) {
        GanSpec spec = make_spec(architecture, 5, {1, 32, 32}, 0.02, d_norm);
        if (conditional) spec.classes = {"a cat", "ein Bär", "7, or eight"};
        spec.minibatch_stddev = conditional && spec.architecture != "mlp";
        GanState state(spec, {}, 3);
        const fs::path path = dir.path() / "g";
        save_network(path, Role::kGenerator, spec, state.generator);
        const LoadedGenerator loaded = load_generator(path);
        EXPECT_EQ(loaded.spec, spec) << architecture << ' ' << d_norm;
        EXPECT_TRUE(std::ranges::equal(loaded.network.parameters(), state.generator.parameters()));
        save_network(path, Role::kDiscriminator, spec, state.discriminator);
        const SafetensorsFile file = SafetensorsFile::read(path);
        EXPECT_EQ(file.tensor_names().size(),
                  state.discriminator.plan().parameters().slices().size() +
                      state.discriminator.plan().statistics().slices().size());
      }
    }
  }
}

TEST(ModelFile, RefusesANegativeVariance) {
  const TempDir dir;
  const GanSpec spec = testing::small_spec();
  Network<float> generator(make_generator_plan(spec));
  generator.init(3, kGeneratorStream);
  slice_of(generator.statistics(), generator.plan().statistics().find("2.running_var"))[1] = -1;
  save_network(dir.path() / "g", Role::kGenerator, spec, generator);
  expect_error(ErrorKind::kCorrupt, "2.running_var", [&] { load_generator(dir.path() / "g"); });
}

TEST(ModelFile, RefusesWhatDescribesNoNetwork) {
  const TempDir dir;
  const fs::path path = dir.path() / "g";
  const Metadata good{{"role", "generator"},    {"architecture", "mlp"},    {"latent_dim", "8"},
                      {"image_shape", "3x4x4"}, {"normalisation", "batch"}, {"hidden", "12x16x20"},
                      {"d_norm", "none"}};
  const auto expect_refused = [&](const std::string& key, const std::string& value) {
    SCOPED_TRACE(key + "=" + value);
    Metadata metadata = good;
    metadata[key] = value;
    write_safetensors(path, {}, metadata);
    expect_error(ErrorKind::kCorrupt, path.string(), [&] { load_generator(path); });
  };
  expect_refused("role", "discriminator");
  expect_refused("architecture", "transformer");
  expect_refused("normalisation", "layer");
  expect_refused("d_norm", "layer");
  for (const char* value : {"", "false", "true"}) expect_refused("minibatch_stddev", value);
  for (const char* value : {"", "one", "a\n\nb", "a\nb\n", "a\tb\nc"}) {
    expect_refused("classes", value);
  }
  for (const char* value : {"", "0", "12x"}) expect_refused("d_hidden", value);
  for (const char* value : {"0", "-1", "x", "", "99999999999999999999", "8 "}) {
    expect_refused("latent_dim", value);
  }
  for (const char* value : {"3x4", "2x4x4", "3x4x4x4", "3x100000x100000", ""}) {
    expect_refused("image_shape", value);
  }
  for (const char* value :
       {"", "0", "x", "12x", "12x-1", "70000", "1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1x1"}) {
    expect_refused("hidden", value);
  }
  expect_refused("latent_dim", "8");  // without tensors
}

TEST(Records, AreLinesOfJson) {
  const TempDir dir;
  const fs::path path = dir.path() / "events.jsonl";
  const std::string hostile = "a\"\n\\</script>\xFF";
  {
    RecordWriter writer(path);
    writer.write(
        Record("first").add("text", hostile).add("number", 0.1).add("count", std::int64_t{-7}));
    writer.write(Record("second")
                     .add("nothing", std::numeric_limits<double>::quiet_NaN())
                     .add_object("inner", Record::fields().add("a", "b"))
                     .add_object("empty", Record::fields()));
  }
  RecordWriter(path).write(Record("appended"));
  std::ifstream file(path);
  std::vector<nlohmann::json> records;
  for (std::string line; std::getline(file, line);) records.push_back(nlohmann::json::parse(line));
  ASSERT_EQ(records.size(), 3U);
  EXPECT_EQ(records[0].at("v"), 1);
  EXPECT_EQ(records[0].at("type"), "first");
  EXPECT_EQ(records[0].at("text").get<std::string>(), "a\"\n\\</script>\xEF\xBF\xBD");
  EXPECT_NEAR(records[0].at("number").get<double>(), 0.1, 1e-9);
  EXPECT_EQ(records[0].at("count"), -7);
  EXPECT_EQ(records[0].at("time").get<std::string>().size(),
            std::strlen("2026-01-31T14:25:00.123Z"));
  EXPECT_TRUE(records[1].at("nothing").is_null());
  EXPECT_EQ(records[1].at("inner").at("a"), "b");
  EXPECT_TRUE(records[1].at("empty").empty());
}

TEST(JobId, IsSafeAndReadable) {
  EXPECT_EQ(make_job_id(0, 1).substr(0, 16), "19700101-000000-");
  check_job_id(make_job_id(1'800'000'000, 7));
  for (const char* name : {"", ".", "..", ".a", "a/b", "../a", "a b", "a\n", "a\"", "\xC3\xA4"}) {
    expect_error(ErrorKind::kInvalidArgument, "cannot name a run", [&] { check_job_id(name); });
  }
  expect_error(ErrorKind::kInvalidArgument, "", [] { check_job_id(std::string(65, 'a')); });
}

}  // namespace
}  // namespace miniray
