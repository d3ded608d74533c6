// Checkpoints: manifests, which begin with a brace, and states of a rank.
#include "fuzz/safetensors_seal.h"
#include "fuzz/target.h"
#include "gan/checkpoint_folder.h"
#include "gan/state_file.h"

namespace miniray::fuzz {
namespace {

struct State {
  std::vector<float> array = std::vector<float>(3);
  std::int64_t step = 7;
  double loss = 0.5;

  StateFields fields() {
    StateFields fields;
    fields.add("array", array);
    fields.add("step", step);
    fields.add("loss", loss);
    return fields;
  }
};

// The line, with the digest that it should have.
void parse_manifest(std::string_view bytes) {
  const std::string line(bytes.substr(0, bytes.find('\n')));
  const Manifest manifest = Manifest::parse(line + '\n' + digest_of(line) + '\n', "manifest");
  require(Manifest::parse(manifest.text(), "text").text() == manifest.text(),
          "what a manifest writes it reads");
}

void parse_state(std::string_view bytes) {
  static InputFile path;
  const std::string sealed = resealed(std::string(bytes));
  const StateFile file(path.write(sealed), header_digest_of(sealed));
  State state;
  file.check_of_others(state.fields());
  file.add_to(state.fields());
  file.check(state.fields());
  file.copy_to(state.fields());
}

}  // namespace

void parse(std::string_view bytes) {
  bytes.starts_with('{') ? parse_manifest(bytes) : parse_state(bytes);
}

std::vector<std::string> seeds() {
  InputFile file;
  State state;
  write_state(file.path(), state.fields());
  const Manifest manifest{.epoch = 3, .step = 17, .data = "pictures", .digests = {"aa", "bb"}};
  return {file.read(), manifest.text()};
}

}  // namespace miniray::fuzz
