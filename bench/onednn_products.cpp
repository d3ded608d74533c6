// oneDNN's matrix products, where this build found oneDNN and its threads are OpenMP's.
#include "bench/product_libraries.h"

#ifdef MINIRAY_ONEDNN
#include <omp.h>

#include <oneapi/dnnl/dnnl.hpp>
#include <string>
#include <unordered_map>
#endif

namespace miniray::bench {

#if defined(MINIRAY_ONEDNN) && DNNL_CPU_THREADING_RUNTIME == DNNL_RUNTIME_OMP
namespace {

using Descriptor = dnnl::memory::desc;

// Of a row-major matrix [rows, columns], or of its transpose: plain strides, so that nothing is
// reordered that would not be timed.
Descriptor plain(std::int64_t rows, std::int64_t columns) {
  return {{rows, columns}, dnnl::memory::data_type::f32, {columns, 1}};
}

Descriptor transposed(std::int64_t rows, std::int64_t columns) {
  return {{columns, rows}, dnnl::memory::data_type::f32, {1, columns}};
}

dnnl::matmul::primitive_desc describe(const Product& product, const dnnl::engine& engine) {
  const auto [m, n, k] = product.shape;
  const bool weight_gradient = product.kind == ProductKind::kWeightGradient;
  const Descriptor a = weight_gradient ? transposed(k, m) : plain(m, k);
  const Descriptor b = product.kind == ProductKind::kForward ? transposed(n, k) : plain(k, n);
  dnnl::primitive_attr attributes;
  if (weight_gradient) {
    dnnl::post_ops add_to_destination;
    add_to_destination.append_sum();
    attributes.set_post_ops(add_to_destination);
  }
#if DNNL_VERSION_MAJOR >= 3
  return {engine, a, b, plain(m, n), attributes};
#else
  return {{a, b, plain(m, n)}, attributes, engine};
#endif
}

dnnl::memory over(const Descriptor& descriptor, const dnnl::engine& engine, const float* data) {
  return {descriptor, engine, const_cast<float*>(data)};
}

std::function<void()> bind(const Product& product, const Operands& operands) {
  const dnnl::engine engine(dnnl::engine::kind::cpu, 0);
  const auto description = describe(product, engine);
  const dnnl::matmul primitive(description);
  const std::unordered_map<int, dnnl::memory> arguments{
      {DNNL_ARG_SRC, over(description.src_desc(), engine, operands.a.data())},
      {DNNL_ARG_WEIGHTS, over(description.weights_desc(), engine, operands.b.data())},
      {DNNL_ARG_DST, over(description.dst_desc(), engine, operands.c.data())}};
  return [primitive, arguments, stream = dnnl::stream(engine)]() mutable {
    primitive.execute(stream, arguments);
    stream.wait();
  };
}

}  // namespace

ProductLibrary onednn_products(int threads) {
  const dnnl_version_t& version = *dnnl::version();
  omp_set_num_threads(threads);
  // OpenMP's threads spin for some milliseconds after their work, unless they are ended.
  return {"oneDNN " + std::to_string(version.major) + "." + std::to_string(version.minor) + "." +
              std::to_string(version.patch),
          false, bind, [] { omp_pause_resource_all(omp_pause_soft); }};
}
#else
ProductLibrary onednn_products(int) { return {"oneDNN", false, {}, {}}; }
#endif

}  // namespace miniray::bench
