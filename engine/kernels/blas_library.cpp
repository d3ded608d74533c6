#include "engine/kernels/blas_library.h"

#include <dlfcn.h>

#include <cstdlib>
#include <string>

#include "engine/error.h"

namespace miniray {
namespace {

constexpr const char* kFile = "libopenblas.so.0";

template <class Function>
Function find(void* library, const char* name) {
  void* const symbol = dlsym(library, name);
  if (symbol == nullptr) throw not_found(std::string(kFile) + " has no " + name);
  return reinterpret_cast<Function>(symbol);
}

BlasLibrary load() {
  // It reads this while it is being loaded.
  setenv("OPENBLAS_NUM_THREADS", "1", 0);
  void* const library = dlopen(kFile, RTLD_NOW | RTLD_LOCAL);
  if (library == nullptr) {
    throw not_found(std::string("OpenBLAS is not installed (Debian: libopenblas0): ") + dlerror());
  }
  find<void (*)(int)>(library, "openblas_set_num_threads")(1);
  return {find<decltype(BlasLibrary::sgemm)>(library, "cblas_sgemm"),
          find<decltype(BlasLibrary::dgemm)>(library, "cblas_dgemm"),
          find<SymmetricEigen>(library, "dsyevd_")};
}

}  // namespace

const BlasLibrary& blas_library() {
  static const BlasLibrary library = load();
  return library;
}

}  // namespace miniray
