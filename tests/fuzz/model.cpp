// Model files, whose metadata says what network to build.
#include "fuzz/safetensors_seal.h"
#include "fuzz/target.h"
#include "gan/model_file.h"
#include "support/small_gan.h"

namespace miniray::fuzz {

void parse(std::string_view bytes) {
  static InputFile file;
  const LoadedGenerator generator = load_generator(file.write(resealed(std::string(bytes))));
  require(generator.network.parameters().size() * sizeof(float) <= bytes.size(),
          "a network is no larger than its file");
}

std::vector<std::string> seeds() {
  std::vector<std::string> files;
  InputFile file;
  GanSpec conditional = testing::small_spec();
  conditional.hidden = {4};
  conditional.classes = {"a", "b"};
  GanSpec dcgan = conditional;
  dcgan.architecture = "dcgan";
  dcgan.image_shape = {1, 8, 8};
  dcgan.classes = {};
  for (const GanSpec& spec : {conditional, dcgan}) {
    const Network<float> network(make_generator_plan(spec));
    save_network(file.path(), Role::kGenerator, spec, network);
    files.push_back(file.read());
  }
  return files;
}

}  // namespace miniray::fuzz
