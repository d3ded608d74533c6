#include "bench/eigen_products.h"

// Not on threads of OpenMP's, which the program is linked to where it has oneDNN.
#define EIGEN_DONT_PARALLELIZE
#include <Eigen/Core>

#define MINIRAY_TEXT_OF(number) #number
#define MINIRAY_TEXT(number) MINIRAY_TEXT_OF(number)

namespace miniray::bench {
namespace {

using Matrix = Eigen::Matrix<float, Eigen::Dynamic, Eigen::Dynamic, Eigen::RowMajor>;
using Input = Eigen::Map<const Matrix, Eigen::Aligned64>;
using Output = Eigen::Map<Matrix, Eigen::Aligned64>;

}  // namespace

const char* eigen_version() {
  return MINIRAY_TEXT(EIGEN_WORLD_VERSION) "." MINIRAY_TEXT(EIGEN_MAJOR_VERSION) "." MINIRAY_TEXT(
      EIGEN_MINOR_VERSION);
}

void eigen_nt(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c) {
  Output(c, m, n).noalias() = Input(a, m, k) * Input(b, n, k).transpose();
}

void eigen_nn(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
              float* c) {
  Output(c, m, n).noalias() = Input(a, m, k) * Input(b, k, n);
}

void eigen_tn_add(std::int64_t m, std::int64_t n, std::int64_t k, const float* a, const float* b,
                  float* c) {
  Output(c, m, n).noalias() += Input(a, k, m).transpose() * Input(b, k, n);
}

}  // namespace miniray::bench
