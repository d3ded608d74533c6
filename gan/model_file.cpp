#include "gan/model_file.h"

#include <charconv>

#include "engine/error.h"
#include "nn/network_tensors.h"

namespace miniray {
namespace {

std::string role_name(Role role) {
  return role == Role::kGenerator ? "generator" : "discriminator";
}

std::string join_widths(const std::vector<std::int64_t>& widths) {
  std::string text;
  for (const std::int64_t width : widths) {
    if (!text.empty()) text += 'x';
    text += std::to_string(width);
  }
  return text;
}

std::int64_t parse_number(std::string_view text) {
  std::int64_t value = 0;
  const auto [end, failure] = std::from_chars(text.data(), text.data() + text.size(), value);
  if (failure != std::errc() || end != text.data() + text.size()) {
    throw invalid_argument("'" + std::string(text) + "' is not a whole number");
  }
  return value;
}

std::vector<std::int64_t> split_widths(std::string_view text) {
  std::vector<std::int64_t> widths;
  while (true) {
    const std::size_t cross = text.find('x');
    widths.push_back(parse_number(text.substr(0, cross)));
    if (cross == std::string_view::npos) return widths;
    text.remove_prefix(cross + 1);
  }
}

std::vector<std::string> split_lines(std::string_view text) {
  std::vector<std::string> lines;
  while (true) {
    const std::size_t end = text.find('\n');
    lines.emplace_back(text.substr(0, end));
    if (end == std::string_view::npos) return lines;
    text.remove_prefix(end + 1);
  }
}

std::string join_lines(const std::vector<std::string>& lines) {
  std::string text;
  for (const std::string& line : lines) text += (text.empty() ? "" : "\n") + line;
  return text;
}

Metadata metadata_of(Role role, const GanSpec& spec) {
  Metadata metadata{{"role", role_name(role)},
                    {"architecture", spec.architecture},
                    {"latent_dim", std::to_string(spec.latent_dim)},
                    {"image_shape", spec.image_shape.to_string()},
                    {"hidden", join_widths(spec.hidden)},
                    {"normalisation", spec.batch_norm ? "batch" : "none"},
                    {"d_norm", spec.d_norm}};
  if (spec.minibatch_stddev) metadata["minibatch_stddev"] = "true";
  if (!spec.d_hidden.empty()) metadata["d_hidden"] = join_widths(spec.d_hidden);
  if (spec.conditional()) metadata["classes"] = join_lines(spec.classes);
  return metadata;
}

GanSpec spec_of(const SafetensorsFile& file) {
  GanSpec spec;
  spec.architecture = file.metadata("architecture");
  spec.latent_dim = parse_number(file.metadata("latent_dim"));
  spec.image_shape = Shape::parse(file.metadata("image_shape"));
  spec.hidden = split_widths(file.metadata("hidden"));
  const std::string& normalisation = file.metadata("normalisation");
  if (normalisation != "batch" && normalisation != "none") {
    throw invalid_argument("the normalisation '" + normalisation + "' is unknown");
  }
  spec.batch_norm = normalisation == "batch";
  spec.d_norm = file.metadata("d_norm");
  const Metadata& metadata = file.metadata();
  if (const auto found = metadata.find("minibatch_stddev"); found != metadata.end()) {
    if (found->second != "true") {
      throw invalid_argument("the minibatch_stddev '" + found->second + "' is unknown");
    }
    spec.minibatch_stddev = true;
  }
  if (const auto widths = metadata.find("d_hidden"); widths != metadata.end()) {
    spec.d_hidden = split_widths(widths->second);
  }
  if (const auto classes = metadata.find("classes"); classes != metadata.end()) {
    spec.classes = split_lines(classes->second);
  }
  check_spec(spec);
  return spec;
}

}  // namespace

void save_network(const std::filesystem::path& path, Role role, const GanSpec& spec,
                  const Network<float>& network) {
  save_tensors(path, network, metadata_of(role, spec));
}

LoadedGenerator load_generator(const std::filesystem::path& path) {
  const SafetensorsFile file = SafetensorsFile::read(path);
  if (const std::string& role = file.metadata("role"); role != role_name(Role::kGenerator)) {
    throw corrupt("'" + path.string() + "' holds a " + role +
                  "; a generator.safetensors would be right");
  }
  const auto spec = [&] {
    try {
      return spec_of(file);
    } catch (const Error& error) {
      if (error.kind() != ErrorKind::kInvalidArgument) throw;
      throw corrupt("'" + path.string() + "' describes no network of ours: " + error.what());
    }
  }();
  return {spec, load_network(file, make_generator_plan(spec))};
}

}  // namespace miniray
