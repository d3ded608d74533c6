#include "gan/state_average.h"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <sstream>
#include <vector>

#include "engine/error.h"
#include "gan/state_file.h"

namespace miniray {
namespace {

// The old ranks' files, and which of them this rank reads.
class Parts {
 public:
  // A collective.
  Parts(Communicator& communicator, const CheckpointFolder& folder, const std::string& name,
        const Manifest& manifest)
      : folder_(folder), name_(name), manifest_(manifest) {
    std::string seen;
    std::error_code none;
    for (int part = 0; part < manifest.world_size(); ++part) {
      seen += std::filesystem::exists(path(part), none) ? '+' : '-';
    }
    const auto all = communicator.gather(seen);
    for (int part = 0; part < manifest.world_size(); ++part) {
      const auto reader = reader_of(part, all);
      if (!reader) missing_ = path(part);
      if (reader == communicator.rank()) own_.push_back(part);
    }
  }

  const std::vector<int>& own() const { return own_; }
  StateFile read(int part) const {
    return {path(part), manifest_.digests[static_cast<std::size_t>(part)]};
  }
  // A file that no rank sees.
  const std::optional<std::filesystem::path>& missing() const { return missing_; }

 private:
  std::filesystem::path path(int part) const { return folder_.rank_file(name_, part); }
  // Those that see it take turns.
  static std::optional<int> reader_of(int part, const std::vector<std::string>& seen) {
    const auto ranks = static_cast<int>(seen.size());
    for (int i = 0; i < ranks; ++i) {
      const int rank = (part + i) % ranks;
      if (seen[static_cast<std::size_t>(rank)][static_cast<std::size_t>(part)] == '+') return rank;
    }
    return std::nullopt;
  }

  const CheckpointFolder& folder_;
  const std::string& name_;
  const Manifest& manifest_;
  std::vector<int> own_;
  std::optional<std::filesystem::path> missing_;
};

// What a rank found in its files: a letter for each array that may be missing, or why they cannot
// be taken.
struct Finding {
  std::string arrays;
  std::string failure{};
};

Finding examine(Communicator& communicator, const Parts& parts, const StateFields& fields) {
  Finding finding{std::string(fields.arrays.size(), '+')};
  try {
    for (const int part : parts.own()) {
      communicator.heartbeat();
      const StateFile file = parts.read(part);
      file.check_of_others(fields);
      for (std::size_t i = 0; i < fields.arrays.size(); ++i) {
        if (!file.has(fields.arrays[i])) finding.arrays[i] = '-';
      }
    }
  } catch (const Error& error) {
    finding.failure = error.what();
  }
  return finding;
}

// The sums over ranks of their counts and numbers, divided by `count`.
void average_numbers(Communicator& communicator, const StateFields& fields, std::int64_t count) {
  std::ostringstream own;
  own.precision(17);
  for (const auto& each : fields.counts) own << *each.value << ' ';
  for (const auto& each : fields.numbers) own << *each.value << ' ';
  for (const auto& each : fields.counts) *each.value = 0;
  for (const auto& each : fields.numbers) *each.value = 0;
  for (const std::string& record : communicator.gather(own.str())) {
    std::istringstream sums(record);
    std::int64_t whole = 0;
    double number = 0;
    for (const auto& each : fields.counts) *each.value += (sums >> whole, whole);
    for (const auto& each : fields.numbers) *each.value += (sums >> number, number);
  }
  for (const auto& each : fields.counts) *each.value /= count;
  for (const auto& each : fields.numbers) *each.value /= static_cast<double>(count);
}

void add_own(Communicator& communicator, const Parts& parts, const StateFields& fields) {
  for (const auto& array : fields.arrays) set_to_zero(array.values);
  for (const auto& each : fields.counts) *each.value = 0;
  for (const auto& each : fields.numbers) *each.value = 0;
  for (const int part : parts.own()) {
    communicator.heartbeat();
    parts.read(part).add_to(fields);
  }
}

}  // namespace

std::string take_average(Communicator& communicator, const CheckpointFolder& folder,
                         const std::string& name, const Manifest& manifest,
                         const StateFields& fields) {
  const Parts parts(communicator, folder, name, manifest);
  if (parts.missing()) return "no worker sees '" + parts.missing()->string() + "'";
  const Finding finding = examine(communicator, parts, fields);
  for (const std::string& failure : communicator.gather(finding.failure)) {
    if (!failure.empty()) return failure;
  }
  const auto found = communicator.gather(finding.arrays);
  add_own(communicator, parts, fields);
  const std::int64_t count = manifest.world_size();
  average_numbers(communicator, fields, count);
  std::vector<StateFields::Array> lacking;
  for (std::size_t i = 0; i < fields.arrays.size(); ++i) {
    const auto& array = fields.arrays[i];
    const bool lacks = std::ranges::any_of(found, [&](const auto& mine) { return mine[i] == '-'; });
    if (lacks) {
      lacking.push_back(array);
    } else {
      std::vector<float> sums(static_cast<std::size_t>(array.values.size()));
      load_numbers<float>(array.values, sums);
      communicator.reduce(sums, 1.0F / static_cast<float>(count), Payload::kFloat32);
      store_numbers<float>(sums, array.values);
    }
  }
  for (const auto& array : lacking) store_numbers(array.otherwise, array.values);
  return {};
}

}  // namespace miniray
