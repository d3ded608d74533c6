#include "tools/dashboard/line_reader.h"

#include <gtest/gtest.h>
#include <sys/stat.h>

#include <fstream>

#include "support/temp_dir.h"

namespace miniray::dashboard {
namespace {

class LineReaderTest : public ::testing::Test {
 protected:
  std::filesystem::path path() const { return dir_.path() / "lines"; }
  void append(const std::string& text) { std::ofstream(path(), std::ios::app) << text; }
  // All that is there, in however many chunks.
  std::vector<std::string> read() {
    std::vector<std::string> lines;
    bool more = true;
    while (more) {
      const auto chunk = reader_.read(buffer_);
      for (const auto line : chunk.lines) lines.emplace_back(line);
      too_long_ += chunk.too_long;
      restarted_ |= chunk.restarted;
      more = chunk.more;
    }
    return lines;
  }

  using Lines = std::vector<std::string>;
  testing::TempDir dir_;
  LineReader reader_{path()};
  std::string buffer_;
  std::int64_t too_long_ = 0;
  bool restarted_ = false;
};

TEST_F(LineReaderTest, WholeLinesOnceEach) {
  EXPECT_EQ(read(), Lines{});
  append("one\ntwo\nthr");
  EXPECT_EQ(read(), (Lines{"one", "two"}));
  EXPECT_EQ(read(), Lines{});
  append("ee\n\nfour\n");
  EXPECT_EQ(read(), (Lines{"three", "four"}));
  EXPECT_FALSE(restarted_);
}

TEST_F(LineReaderTest, ManyChunks) {
  Lines expected;
  for (int i = 0; i < 30'000; ++i) {
    expected.push_back(std::to_string(i) + std::string(100, 'x'));
    append(expected.back() + "\n");
  }
  EXPECT_EQ(read(), expected);
}

TEST_F(LineReaderTest, AFileThatBecameShorterStartsAnew) {
  append("one\ntwo\n");
  read();
  std::ofstream(path(), std::ios::trunc) << "new\n";
  EXPECT_EQ(read(), Lines{"new"});
  EXPECT_TRUE(restarted_);
}

TEST_F(LineReaderTest, LinesWithoutEndAreLeftOut) {
  append("a\n" + std::string(3 * LineReader::kChunkBytes, 'x') + "\nb\n");
  EXPECT_EQ(read(), (Lines{"a", "b"}));
  EXPECT_EQ(too_long_, 1);
  append(std::string(LineReader::kMaxLineBytes + 1, 'y') + "\nc\n");
  EXPECT_EQ(read(), Lines{"c"});
  EXPECT_EQ(too_long_, 2);
}

TEST_F(LineReaderTest, NeitherLinksNorPipesAreRead) {
  std::ofstream(dir_.path() / "secret") << "secret\n";
  std::filesystem::create_symlink(dir_.path() / "secret", path());
  EXPECT_EQ(read(), Lines{});
  std::filesystem::remove(path());
  ASSERT_EQ(mkfifo(path().c_str(), 0600), 0);
  EXPECT_EQ(read(), Lines{});
  std::filesystem::remove(path());
  std::filesystem::create_directory(path());
  EXPECT_EQ(read(), Lines{});
}

}  // namespace
}  // namespace miniray::dashboard
