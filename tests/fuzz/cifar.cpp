// CIFAR's binary records, two of them a file, with two labels each.
#include "fuzz/target.h"
#include "gan/data/cifar_records.h"

namespace miniray::fuzz {
namespace {

constexpr std::int64_t kRecords = 2, kPictureBytes = 3 * 32 * 32;
const std::vector<int> kClasses = {20, 100};

}  // namespace

void parse(std::string_view bytes) {
  static InputFile file;
  CifarRecords records({.title = "CIFAR", .records = kRecords, .label_classes = kClasses});
  records.add_file(file.write(bytes));
  std::vector<std::uint8_t> picture(kPictureBytes);
  for (std::int64_t i = 0; i < records.size(); ++i) {
    for (std::size_t which = 0; which < kClasses.size(); ++which) {
      const int label = records.label(i, static_cast<std::int64_t>(which));
      require(label >= 0 && label < kClasses[which], "a label is one of the classes");
    }
    records.copy_picture(i, picture);
  }
}

std::vector<std::string> seeds() {
  std::string record(kPictureBytes + 2, 'p');
  record[0] = 19;
  record[1] = 99;
  return {record + record};
}

}  // namespace miniray::fuzz
