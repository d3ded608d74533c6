// Config files, as gan_train reads them.
#include <iostream>

#include "fuzz/target.h"
#include "tools/program.h"
#include "tools/train_options.h"

namespace miniray::fuzz {
namespace {

TrainOptionsParsed parse_file(const std::filesystem::path& path) {
  std::string program = "gan_train", flag = "--config", name = path;
  char* argv[] = {program.data(), flag.data(), name.data(), nullptr};
  return parse_train_options(3, argv);
}

}  // namespace

void parse(std::string_view bytes) {
  static InputFile file, written;
  std::cerr.setstate(std::ios::failbit);  // the usage's errors
  std::cout.setstate(std::ios::failbit);  // the help
  try {
    const TrainOptionsParsed parsed = parse_file(file.write(bytes));
    require(parsed.config.resume.empty(), "no config file resumes a run");
    require(parse_file(written.write(parsed.config_text)).config_text == parsed.config_text,
            "a run's config file gives the same options again");
  } catch (const ExitRequest&) {
  }
}

std::vector<std::string> seeds() {
  return {
      "epochs = 3\nmodel = \"dcgan\"\naugment = \"color,cutout\"\nlr=1e-4 # fast\n",
      "mode=\"distributed\"\nworkers=2\nsync='gradients'\nflip=true\nseed=18446744073709551615\n"
      "checkpoint-every=\"2.5m\"\njob-id=\"a # b\"\n[dashboard]\n"};
}

}  // namespace miniray::fuzz
