// The checkpoints of a run, on disk.
//
//   <folder>/checkpoint_<number, five digits>/rank_<four digits>.safetensors   see gan/state_file.h
//                                             manifest                         written last
//   <folder>/best                             the name of the best one, where one is marked
//
// The manifest is two lines: a JSON object {"data", "digests", "epoch", "step", "version"}, and
// that line's SHA-256. A checkpoint is whole where the manifest is, and the file of every rank has
// the digest that stands there; anything else is what a process that died left behind.
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

namespace miniray {

struct Manifest {
  std::int64_t epoch = 0, step = 0;  // the epoch in hand, and steps since training began, of rank 0
  std::string data;                  // what identifies the data set
  std::vector<std::string> digests;  // of each rank's file

  int world_size() const { return static_cast<int>(digests.size()); }
  std::string text() const;
  // Throws corrupt, naming the path, for anything but what text() gives.
  static Manifest parse(const std::string& text, const std::filesystem::path& path);
};

// Used by one thread. Names are those of checkpoints inside the folder. Nothing is made or read
// before a function is called.
class CheckpointFolder {
 public:
  explicit CheckpointFolder(std::filesystem::path folder) : folder_(std::move(folder)) {}

  const std::filesystem::path& path() const { return folder_; }
  std::filesystem::path rank_file(const std::string& name, int rank) const;

  // A name that none has had.
  std::string next_name() const;
  // Those with a manifest that can be read, newest first.
  std::vector<std::string> names() const;
  // Throws not found, io or corrupt, naming the path.
  Manifest manifest(const std::string& name) const;

  // Throw io, naming the path.
  void make(const std::string& name) const;
  void write_manifest(const std::string& name, const Manifest& manifest) const;
  // Keeps the checkpoint, whatever its age, until another one is marked.
  void mark_best(const std::string& name) const;
  std::optional<std::string> best() const;

  // The newest `count` and the best.
  std::vector<std::string> kept(std::int64_t count) const;
  // On this machine, as far as it can; where the folder is shared, others may do the same
  // meanwhile.
  void remove(const std::string& name) const;
  // Removes all other checkpoints and what is left of broken ones.
  void remove_all_but(const std::vector<std::string>& names) const;

 private:
  // Of all folders that look like a checkpoint's, by rising number.
  std::vector<std::string> entries() const;

  std::filesystem::path folder_;
};

}  // namespace miniray
