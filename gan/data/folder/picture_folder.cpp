#include "gan/data/folder/picture_folder.h"

#include <fcntl.h>
#include <sys/file.h>

#include <algorithm>
#include <cctype>
#include <chrono>
#include <numeric>
#include <optional>
#include <thread>

#include "engine/error.h"
#include "engine/rng.h"
#include "engine/span.h"
#include "gan/data/folder/decode.h"
#include "gan/data/folder/picture_tree.h"
#include "gan/data/folder/resize.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kRoundPictures = 512, kRoundBytes = std::int64_t{64} << 20;
constexpr std::int64_t kMaxFileBytes = std::int64_t{1} << 30;
constexpr std::int64_t kMaxSkippedPercent = 1;
constexpr std::size_t kMaxNamed = 10;
constexpr auto kPollInterval = std::chrono::milliseconds(100);

bool stopped(const Preparation& preparation) {
  return preparation.stop != nullptr && preparation.stop->load();
}

void tell(const Preparation& preparation, std::int64_t done, std::int64_t total) {
  if (preparation.progress) preparation.progress(done, total);
}

// A file's name may hold whatever a terminal obeys.
std::string printable(std::string text) {
  std::ranges::replace_if(
      text, [](unsigned char c) { return std::iscntrl(c) != 0; }, '?');
  return text;
}

// Decodes files of a tree in rounds of a fixed size, each in parallel.
class Decoding {
 public:
  Decoding(const PictureTree& tree, std::int64_t side, const ThreadBudget& threads,
           PictureCacheWriter& writer)
      : tree_(tree),
        side_(side),
        picture_bytes_(3 * side * side),
        round_(std::clamp<std::int64_t>(kRoundBytes / picture_bytes_, 1, kRoundPictures)),
        threads_(threads),
        writer_(writer),
        pictures_(static_cast<std::size_t>(round_ * picture_bytes_)),
        failures_(static_cast<std::size_t>(round_)) {}

  // False where it was stopped.
  bool run(const Preparation& preparation) {
    const auto total = static_cast<std::int64_t>(tree_.files.size());
    for (std::int64_t begin = 0; begin < total; begin += round_) {
      if (stopped(preparation)) return false;
      tell(preparation, begin, total);
      const std::int64_t count = std::min(round_, total - begin);
      threads_.for_each_tile(count, [&](std::int64_t i) { decode(begin + i, i); });
      for (std::int64_t i = 0; i < count; ++i) keep(begin + i, i);
      check_skipped(begin + count);
    }
    tell(preparation, total, total);
    return true;
  }

 private:
  const PictureFile& file(std::int64_t index) const {
    return tree_.files[static_cast<std::size_t>(index)];
  }
  std::span<std::uint8_t> slot(std::int64_t i) {
    return part(std::span(pictures_), i * picture_bytes_, picture_bytes_);
  }

  void decode(std::int64_t index, std::int64_t i) {
    std::string& failure = failures_[static_cast<std::size_t>(i)];
    failure.clear();
    try {
      const std::string bytes = read_file(tree_.root / file(index).path, kMaxFileBytes);
      const auto* const data = reinterpret_cast<const std::uint8_t*>(bytes.data());
      resize_middle(decode_picture({data, bytes.size()}, side_), side_, slot(i));
    } catch (const Error& error) {
      failure = printable("'" + file(index).path + "': " + error.what());
    }
  }

  void keep(std::int64_t index, std::int64_t i) {
    const std::string& failure = failures_[static_cast<std::size_t>(i)];
    failure.empty() ? writer_.add(file(index).label, slot(i)) : writer_.skip(failure);
  }

  void check_skipped(std::int64_t done) const {
    const auto total = static_cast<std::int64_t>(tree_.files.size());
    const auto& skipped = writer_.index().skipped;
    if (static_cast<std::int64_t>(skipped.size()) * 100 <= total * kMaxSkippedPercent) return;
    throw corrupt(std::to_string(skipped.size()) + " of the first " + std::to_string(done) +
                  " pictures in '" + tree_.root.string() +
                  "' cannot be decoded, more than 1% of all " + std::to_string(total) +
                  "; the first is " + skipped.front());
  }

  const PictureTree& tree_;
  const std::int64_t side_, picture_bytes_, round_;
  const ThreadBudget& threads_;
  PictureCacheWriter& writer_;
  std::vector<std::uint8_t> pictures_;
  std::vector<std::string> failures_;  // empty: none
};

// The lock of a cache file: who holds it may write the cache. Given back where the process ends.
// Where the file system knows no locks, nobody waits: two processes then do the same work.
class CacheLock {
 public:
  explicit CacheLock(const fs::path& cache)
      : file_(open((cache.string() + ".lock").c_str(), O_RDWR | O_CREAT | O_CLOEXEC, 0666)) {}

  bool try_lock() { return flock(file_.get(), LOCK_EX | LOCK_NB) == 0 || errno != EWOULDBLOCK; }

 private:
  Descriptor file_;
};

// None where there is no file, or one of other files. A damaged one is told of.
std::optional<PictureCache> open_cache(const fs::path& path, const std::string& digest,
                                       const ThreadBudget& threads,
                                       const Preparation& preparation) {
  try {
    PictureCache cache(path, threads);
    if (cache.index().digest == digest) return cache;
  } catch (const Error& error) {
    if (error.kind() == ErrorKind::kCorrupt && preparation.warn) {
      preparation.warn(std::string(error.what()) + "; its pictures are decoded again");
    } else if (error.kind() != ErrorKind::kCorrupt && error.kind() != ErrorKind::kNotFound) {
      throw;
    }
  }
  return std::nullopt;
}

// What a process that was killed left of the cache.
void remove_remains(const fs::path& cache) {
  std::error_code ignored;
  for (const auto& entry : fs::directory_iterator(cache.parent_path(), ignored)) {
    const std::string name = entry.path().filename().string();
    if (name.starts_with(cache.filename().string() + ".") && name.ends_with(".tmp")) {
      fs::remove(entry.path(), ignored);
    }
  }
}

void warn_of_skipped(const PictureIndex& index, const std::string& folder,
                     const Preparation& preparation) {
  const auto& skipped = index.skipped;
  if (skipped.empty() || !preparation.warn) return;
  for (std::size_t i = 0; i < std::min(kMaxNamed, skipped.size()); ++i) {
    preparation.warn("cannot decode " + skipped[i]);
  }
  const std::size_t total = skipped.size() + index.labels.size();
  preparation.warn(std::to_string(skipped.size()) + " of the " + std::to_string(total) +
                   " pictures in '" + folder + "' cannot be decoded and are skipped");
}

// None where it was stopped.
std::optional<PictureCache> make_cache(const fs::path& path, const PictureTree& tree,
                                       const std::string& digest, std::int64_t side,
                                       const ThreadBudget& threads,
                                       const Preparation& preparation) {
  make_writable_folder(path.parent_path());
  CacheLock lock(path);
  bool waited = false;
  while (!lock.try_lock()) {
    if (stopped(preparation)) return std::nullopt;
    tell(preparation, 0, static_cast<std::int64_t>(tree.files.size()));
    std::this_thread::sleep_for(kPollInterval);
    waited = true;
  }
  if (waited) {
    if (auto cache = open_cache(path, digest, threads, preparation)) return cache;
  }
  remove_remains(path);
  PictureCacheWriter writer(path,
                            {.digest = digest, .side = side, .class_names = tree.class_names});
  if (!Decoding(tree, side, threads, writer).run(preparation)) return std::nullopt;
  writer.commit();
  return PictureCache(path, threads);
}

}  // namespace

PictureFolder::PictureFolder(std::string name, PictureCache cache)
    : name_(std::move(name)),
      cache_(std::move(cache)),
      order_(static_cast<std::size_t>(cache_.index().size())) {
  std::iota(order_.begin(), order_.end(), 0U);
  shuffle({.purpose = RandomPurpose::kShuffle}, order_);
}

int PictureFolder::label(std::int64_t index) const {
  const std::size_t number = order_[static_cast<std::size_t>(index)];
  return static_cast<int>(cache_.index().labels[number]);
}

void PictureFolder::copy_sample(std::int64_t index, std::span<std::uint8_t> chw) const {
  std::ranges::copy(cache_.picture(order_[static_cast<std::size_t>(index)]), chw.begin());
}

fs::path picture_cache_path(const fs::path& folder, const fs::path& cache_dir, std::int64_t side) {
  std::error_code failure;
  const fs::path whole = fs::canonical(folder, failure);
  const std::string name = (failure ? folder : whole).string();
  const std::string digest = sha256_hex(std::as_bytes(std::span(name))).substr(0, 16);
  return cache_dir / ("folder_" + digest + "_" + std::to_string(side) + ".pictures");
}

std::unique_ptr<Dataset> open_picture_folder(const fs::path& folder, const fs::path& cache_dir,
                                             std::int64_t side, const Preparation& preparation) {
  const PictureTree tree = find_pictures(folder);
  const std::string digest = tree.digest();
  const fs::path path = picture_cache_path(folder, cache_dir, side);
  const ThreadBudget threads(preparation.threads);
  auto cache = open_cache(path, digest, threads, preparation);
  if (!cache) cache = make_cache(path, tree, digest, side, threads, preparation);
  if (!cache) return nullptr;
  warn_of_skipped(cache->index(), folder.string(), preparation);
  return std::make_unique<PictureFolder>("folder:" + folder.string(), std::move(*cache));
}

}  // namespace miniray
