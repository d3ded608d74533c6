#include "gan/checkpoint_folder.h"

#include <algorithm>
#include <cctype>
#include <cstdio>
#include <nlohmann/json.hpp>
#include <span>
#include <stdexcept>
#include <system_error>

#include "engine/error.h"
#include "engine/file.h"

namespace miniray {
namespace {

namespace fs = std::filesystem;

constexpr std::int64_t kManifestVersion = 2;
constexpr std::int64_t kMaxManifestBytes = 1 << 20;
const std::string kPrefix = "checkpoint_";

std::string digest(const std::string& text) { return sha256_hex(std::as_bytes(std::span(text))); }

// Up to 15 digits behind the prefix.
std::optional<std::int64_t> number_of(const std::string& name) {
  const bool fits = name.starts_with(kPrefix) && name.size() > kPrefix.size() &&
                    name.size() <= kPrefix.size() + 15;
  if (!fits) return std::nullopt;
  const std::string digits = name.substr(kPrefix.size());
  const auto is_digit = [](unsigned char c) { return std::isdigit(c) != 0; };
  if (!std::ranges::all_of(digits, is_digit)) return std::nullopt;
  return std::stoll(digits);
}

std::int64_t count(const nlohmann::json& value) {
  if (value.is_number_unsigned()) return value.get<std::int64_t>();
  throw std::invalid_argument("a count is no whole number");
}

}  // namespace

std::string Manifest::text() const {
  const nlohmann::json json = {{"version", kManifestVersion},
                               {"epoch", epoch},
                               {"step", step},
                               {"data", data},
                               {"digests", digests}};
  const std::string line = json.dump();
  return line + "\n" + digest(line) + "\n";
}

Manifest Manifest::parse(const std::string& text, const fs::path& path) {
  const std::string line = text.substr(0, text.find('\n'));
  if (text != line + "\n" + digest(line) + "\n") {
    throw corrupt("'" + path.string() + "' does not match its SHA-256: it was damaged");
  }
  try {
    const auto json = nlohmann::json::parse(line);
    if (json.at("version") != kManifestVersion) {
      throw corrupt("'" + path.string() + "' is of another version of this program");
    }
    return {.epoch = count(json.at("epoch")),
            .step = count(json.at("step")),
            .data = json.at("data").get<std::string>(),
            .digests = json.at("digests").get<std::vector<std::string>>()};
  } catch (const Error&) {
    throw;
  } catch (const std::exception& error) {
    throw corrupt("'" + path.string() + "' is no manifest of a checkpoint: " + error.what());
  }
}

fs::path CheckpointFolder::rank_file(const std::string& name, int rank) const {
  char file[40];
  std::snprintf(file, sizeof file, "rank_%04d.safetensors", rank);
  return folder_ / name / file;
}

std::vector<std::string> CheckpointFolder::entries() const {
  std::vector<std::string> found;
  std::error_code none;
  for (fs::directory_iterator entry(folder_, none), end; !none && entry != end;
       entry.increment(none)) {
    const std::string name = entry->path().filename().string();
    if (number_of(name)) found.push_back(name);
  }
  std::ranges::sort(found, {}, number_of);
  return found;
}

std::string CheckpointFolder::next_name() const {
  const auto all = entries();
  const std::int64_t number = all.empty() ? 1 : *number_of(all.back()) + 1;
  char name[40];
  std::snprintf(name, sizeof name, "%s%05lld", kPrefix.c_str(), static_cast<long long>(number));
  return name;
}

std::vector<std::string> CheckpointFolder::names() const {
  std::vector<std::string> whole;
  for (const std::string& name : entries()) {
    try {
      manifest(name);
      whole.push_back(name);
    } catch (const Error&) {  // what a process that died left, or worse: not one to go on from
    }
  }
  std::ranges::reverse(whole);
  return whole;
}

Manifest CheckpointFolder::manifest(const std::string& name) const {
  const fs::path path = folder_ / name / "manifest";
  return Manifest::parse(read_file(path, kMaxManifestBytes), path);
}

void CheckpointFolder::make(const std::string& name) const {
  make_writable_folder(folder_ / name);
  sync_folder(folder_);
}

void CheckpointFolder::write_manifest(const std::string& name, const Manifest& manifest) const {
  write_file(folder_ / name / "manifest", manifest.text());
}

void CheckpointFolder::mark_best(const std::string& name) const {
  write_file(folder_ / "best", name + "\n");
}

std::optional<std::string> CheckpointFolder::best() const {
  try {
    const std::string text = read_file(folder_ / "best", 100);
    return text.substr(0, text.find('\n'));
  } catch (const Error&) {
    return std::nullopt;
  }
}

std::vector<std::string> CheckpointFolder::kept(std::int64_t count) const {
  std::vector<std::string> kept = names();
  kept.resize(std::min(kept.size(), static_cast<std::size_t>(count)));
  if (const auto marked = best()) kept.push_back(*marked);
  return kept;
}

void CheckpointFolder::remove(const std::string& name) const {
  std::error_code ignored;                           // the next time removes it
  fs::remove(folder_ / name / "manifest", ignored);  // first: what is half removed is not whole
  fs::remove_all(folder_ / name, ignored);
}

void CheckpointFolder::remove_all_but(const std::vector<std::string>& names) const {
  for (const std::string& name : entries()) {
    if (std::ranges::find(names, name) == names.end()) remove(name);
  }
}

}  // namespace miniray
