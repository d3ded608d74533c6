#include "engine/kernels/symmetric_eigen.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/blas_library.h"

namespace miniray {

std::vector<double> symmetric_eigen(EigenJob job, std::int64_t n, std::span<double> a) {
  if (!std::ranges::all_of(a, [](double value) { return std::isfinite(value); })) {
    throw Error(ErrorKind::kDiverged,
                "a matrix to be decomposed holds numbers that are not finite");
  }
  std::vector<double> values(static_cast<std::size_t>(n));
  const char letter = job == EigenJob::kValues ? 'N' : 'V', triangle = 'L';
  const int size = static_cast<int>(n);
  int info = 0;
  const auto run = [&](std::span<double> work, std::span<int> integers, int work_size,
                       int integer_size) {
    blas_library().dsyevd(&letter, &triangle, &size, a.data(), &size, values.data(), work.data(),
                          &work_size, integers.data(), &integer_size, &info);
  };
  double work_size = 0;
  int integer_size = 0;
  run({&work_size, 1}, {&integer_size, 1}, -1, -1);  // asks for the sizes
  std::vector<double> work(static_cast<std::size_t>(work_size));
  std::vector<int> integers(static_cast<std::size_t>(integer_size));
  run(work, integers, static_cast<int>(work.size()), static_cast<int>(integers.size()));
  if (info != 0) throw Error(ErrorKind::kDiverged, "an eigenvalue did not converge");
  return values;
}

}  // namespace miniray
