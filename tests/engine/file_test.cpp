#include "engine/file.h"

#include <gtest/gtest.h>
#include <sys/resource.h>

#include <csignal>
#include <fstream>

#include "support/expect_error.h"
#include "support/temp_dir.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;
using testing::expect_error;

std::size_t entries(const fs::path& folder) {
  return static_cast<std::size_t>(
      std::distance(fs::directory_iterator(folder), fs::directory_iterator()));
}

std::span<const std::byte> bytes_of(const std::string& text) {
  return std::as_bytes(std::span(text));
}

// While it lives no file of this process grows beyond 1000 bytes.
class SmallFiles {
 public:
  SmallFiles() {
    std::signal(SIGXFSZ, SIG_IGN);
    getrlimit(RLIMIT_FSIZE, &before_);
    const rlimit small{1000, before_.rlim_max};
    setrlimit(RLIMIT_FSIZE, &small);
  }
  ~SmallFiles() { setrlimit(RLIMIT_FSIZE, &before_); }
  SmallFiles(const SmallFiles&) = delete;
  SmallFiles& operator=(const SmallFiles&) = delete;

 private:
  rlimit before_{};
};

TEST(WriteFile, ReplacesTheWholeAndLeavesNothingBeside) {
  const testing::TempDir dir;
  write_file(dir.path() / "a", std::string("first, longer"));
  write_file(dir.path() / "a", std::string("second"));
  EXPECT_EQ(read_file(dir.path() / "a", 100), "second");
  EXPECT_EQ(entries(dir.path()), 1U);
}

TEST(WriteFile, TakesBytesFromSeveralPlaces) {
  const testing::TempDir dir;
  const std::string ab = "ab", c = "c";
  const ByteParts parts{std::as_bytes(std::span(ab)), {}, std::as_bytes(std::span(c))};
  for (const Durability durability : {Durability::kSynced, Durability::kBuffered}) {
    write_file(dir.path() / "a", parts, durability);
    EXPECT_EQ(read_file(dir.path() / "a", 100), "abc");
  }
}

TEST(WriteFile, AFullDiskLeavesTheOldFile) {
  const testing::TempDir dir;
  write_file(dir.path() / "a", std::string("old"));
  const SmallFiles small;
  expect_error(ErrorKind::kIo, "/a'",
               [&] { write_file(dir.path() / "a", std::string(5000, 'x')); });
  EXPECT_EQ(read_file(dir.path() / "a", 100), "old");
  EXPECT_EQ(entries(dir.path()), 1U);
}

TEST(OutputFolder, MakesFilesAndReplacesThem) {
  const testing::TempDir dir;
  const OutputFolder folder(dir.path());
  for (const char* text : {"first, longer", "second"}) {
    folder.write("a", bytes_of(text));
    EXPECT_EQ(read_file(dir.path() / "a", 100), text);
  }
  EXPECT_EQ(entries(dir.path()), 1U);
  expect_error(ErrorKind::kNotFound, "missing", [&] { OutputFolder(dir.path() / "missing"); });
  expect_error(ErrorKind::kNotFound, "missing/a", [&] { folder.write("missing/a", {}); });
}

TEST(OutputFolder, AFullDiskLeavesNoHalfFileAndTheOldOne) {
  const testing::TempDir dir;
  const OutputFolder folder(dir.path());
  folder.write("old", bytes_of("old"));
  const SmallFiles small;
  for (const char* name : {"old", "new"}) {
    expect_error(ErrorKind::kIo, name,
                 [&] { folder.write(name, bytes_of(std::string(5000, 'x'))); });
  }
  EXPECT_EQ(read_file(dir.path() / "old", 100), "old");
  EXPECT_EQ(entries(dir.path()), 1U);
}

TEST(WriteFile, NamesTheFileThatItCannotWrite) {
  const testing::TempDir dir;
  expect_error(ErrorKind::kNotFound, "missing/a",
               [&] { write_file(dir.path() / "missing" / "a", std::string("x")); });
}

TEST(StagedFile, AppearsWhenItIsComplete) {
  const testing::TempDir dir;
  const fs::path path = dir.path() / "a";
  write_file(path, std::string("old"));
  {
    StagedFile file(path);
    file.append(bytes_of("first, "));
    file.append(bytes_of("second"));
    EXPECT_EQ(read_file(path, 100), "old");
    file.commit();
  }
  EXPECT_EQ(read_file(path, 100), "first, second");
  {
    StagedFile abandoned(path);
    abandoned.append(bytes_of("half"));
  }
  EXPECT_EQ(read_file(path, 100), "first, second");
  EXPECT_EQ(entries(dir.path()), 1U);
  expect_error(ErrorKind::kNotFound, "missing/a",
               [&] { StagedFile(dir.path() / "missing" / "a"); });
}

TEST(ReadFile, RefusesWhatIsMissingTooLargeOrNoFile) {
  const testing::TempDir dir;
  write_file(dir.path() / "a", std::string(11, 'x'));
  expect_error(ErrorKind::kNotFound, "/b'", [&] { read_file(dir.path() / "b", 10); });
  expect_error(ErrorKind::kCorrupt, "/a'", [&] { read_file(dir.path() / "a", 10); });
  expect_error(ErrorKind::kInvalidArgument, "regular", [&] { read_file(dir.path(), 10); });
}

TEST(MakeWritableFolder, NamesWhatStandsInTheWay) {
  const testing::TempDir dir;
  write_file(dir.path() / "a", std::string("file"));
  expect_error(ErrorKind::kIo, "/a", [&] { make_writable_folder(dir.path() / "a"); });
  expect_error(ErrorKind::kIo, "/a/b", [&] { make_writable_folder(dir.path() / "a" / "b"); });
  make_writable_folder(dir.path() / "c" / "d");
  EXPECT_TRUE(fs::is_directory(dir.path() / "c" / "d"));
}

// FIPS 180-4's own examples.
TEST(Sha256, KnownAnswers) {
  EXPECT_EQ(sha256_hex(ByteParts{}),
            "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855");
  const std::string abc = "abc";
  EXPECT_EQ(sha256_hex(std::as_bytes(std::span(abc))),
            "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
  const auto letters = std::as_bytes(std::span(abc));
  EXPECT_EQ(sha256_hex(ByteParts{letters.first(1), {}, letters.subspan(1)}), sha256_hex(letters));
}

}  // namespace
}  // namespace miniray
