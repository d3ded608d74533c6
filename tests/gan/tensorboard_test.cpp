#include "gan/tensorboard.h"

#include <gtest/gtest.h>

#include <array>
#include <cstring>
#include <fstream>
#include <iterator>

#include "gan/crc32c.h"
#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

std::uint32_t crc_of(std::string_view text) { return crc32c(std::as_bytes(std::span(text))); }

// RFC 3720, B.4, and the check value of the catalogue of CRCs.
TEST(Crc32c, PublishedValues) {
  EXPECT_EQ(crc_of(""), 0U);
  EXPECT_EQ(crc_of("123456789"), 0xE3069283U);
  EXPECT_EQ(crc_of(std::string(32, '\0')), 0x8A9136AAU);
  EXPECT_EQ(crc_of(std::string(32, '\xFF')), 0x62A8AB43U);
}

std::string only_file(const std::filesystem::path& folder) {
  std::string text;
  int files = 0;
  for (const auto& entry : std::filesystem::directory_iterator(folder)) {
    EXPECT_EQ(entry.path().filename().string().rfind("events.out.tfevents.", 0), 0U);
    std::ifstream file(entry.path(), std::ios::binary);
    text.assign(std::istreambuf_iterator<char>(file), {});
    ++files;
  }
  EXPECT_EQ(files, 1);
  return text;
}

// The first record of every event file: "brain.Event:2" as file_version after the time.
TEST(EventFile, BeginsWithItsVersion) {
  testing::TempDir dir;
  { EventFile file(dir.path() / "new" / "folder"); }
  const std::string bytes = only_file(dir.path() / "new" / "folder");
  std::uint64_t length = 0;
  std::memcpy(&length, bytes.data(), sizeof length);
  ASSERT_EQ(bytes.size(), 8 + 4 + length + 4);
  EXPECT_EQ(bytes.substr(12 + 9),
            std::string("\x1A\x0D") + "brain.Event:2" + bytes.substr(12 + length));
}

TEST(EventFile, AFolderThatCannotBeMadeIsNamed) {
  testing::TempDir dir;
  std::ofstream(dir.path() / "file") << "x";
  testing::expect_error(ErrorKind::kIo, (dir.path() / "file").string(),
                        [&] { EventFile file(dir.path() / "file"); });
}

}  // namespace
}  // namespace miniray
