// The shipped weights lie in the program itself: nothing has to be found, whoever uses the library.
#include "gan/metrics/builtin_features.h"

asm(R"(
  .section .rodata
  .balign 64
  .global miniray_classifier_begin
  .hidden miniray_classifier_begin
  .global miniray_classifier_end
  .hidden miniray_classifier_end
miniray_classifier_begin:
  .incbin ")" MINIRAY_CLASSIFIER R"("
miniray_classifier_end:
  .previous
)");

extern "C" const char miniray_classifier_begin[], miniray_classifier_end[];

namespace miniray {

SafetensorsFile shipped_classifier() {
  return SafetensorsFile::parse(std::string(miniray_classifier_begin, miniray_classifier_end),
                                "the classifier of CIFAR-10");
}

}  // namespace miniray
