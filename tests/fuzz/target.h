// A fuzz target: what reads one untrusted format. Each is a file of this folder that defines the
// two functions below. With Clang it becomes a libFuzzer program (libfuzzer.cpp, run.sh); with any
// compiler a test that reads the seeds, the kept corpus and changes to both (replay.cpp).
#pragma once

#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <filesystem>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "engine/file.h"
#include "support/temp_dir.h"

namespace miniray::fuzz {

// Whatever the bytes are, it returns or throws Error. Bytes behind the end may not be read.
void parse(std::string_view bytes);

// Good files, which parse() takes.
std::vector<std::string> seeds();

// Ends the program where a reader broke its word.
inline void require(bool holds, const char* what) {
  if (holds) return;
  std::fprintf(stderr, "not so: %s\n", what);
  std::abort();
}

inline std::span<const std::uint8_t> unsigned_bytes(std::string_view bytes) {
  return {reinterpret_cast<const std::uint8_t*>(bytes.data()), bytes.size()};
}

// For readers that take a path: one file, which holds what was given last.
class InputFile {
 public:
  const std::filesystem::path& write(std::string_view bytes) {
    write_file(path_, std::as_bytes(std::span(bytes)), Durability::kBuffered);
    return path_;
  }
  std::string read() const { return read_file(path_, 1 << 20); }
  const std::filesystem::path& path() const { return path_; }

 private:
  testing::TempDir folder_;
  std::filesystem::path path_ = folder_.path() / "input";
};

}  // namespace miniray::fuzz
