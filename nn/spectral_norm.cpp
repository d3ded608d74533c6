#include "nn/spectral_norm.h"

#include <algorithm>
#include <cmath>

#include "engine/error.h"
#include "engine/kernels/elementwise.h"
#include "engine/kernels/reduce.h"
#include "engine/kernels/scratch.h"

namespace miniray {
namespace {

constexpr std::int64_t kRowsPerTile = 16;
constexpr std::int64_t kColumnsPerTile = 512;
constexpr std::int64_t kElementsPerTile = 16384;
constexpr double kEpsilon = 1e-12;  // torch.nn.functional.normalize's

template <class T>
T dot(std::span<const T> a, std::span<const T> b) {
  const auto size = static_cast<std::int64_t>(a.size());
  return reduce<T>().block_products({1, size, size}, a.data(), T{0}, b.data());
}

template <class T>
T length(std::span<const T> a) {
  return std::max(std::sqrt(dot(a, a)), static_cast<T>(kEpsilon));
}

template <class T>
void normalise(std::span<T> a) {
  const T size = length(std::span<const T>(a));
  for (T& value : a) value /= size;
}

// to = W x, W [to, x]
template <class T>
void multiply(const ThreadBudget& threads, std::span<const T> w, std::span<const T> x,
              std::span<T> to) {
  const auto columns = static_cast<std::int64_t>(x.size());
  for_each_range(threads, static_cast<std::int64_t>(to.size()), kRowsPerTile,
                 [&](std::int64_t row, std::int64_t count) {
                   for (std::int64_t r = row; r < row + count; ++r) {
                     to[static_cast<std::size_t>(r)] = dot(part(w, r * columns, columns), x);
                   }
                 });
}

// to = W^T x, W [x, to]
template <class T>
void multiply_transposed(const ThreadBudget& threads, std::span<const T> w, std::span<const T> x,
                         std::span<T> to) {
  const auto columns = static_cast<std::int64_t>(to.size());
  for_each_range(threads, columns, kColumnsPerTile, [&](std::int64_t column, std::int64_t count) {
    const std::span<T> sums = part(to, column, count);
    std::ranges::fill(sums, T{0});
    for (std::size_t r = 0; r < x.size(); ++r) {
      elementwise<T>().add_scaled(
          x[r], part(w, static_cast<std::int64_t>(r) * columns + column, count), sums);
    }
  });
}

}  // namespace

template <class T>
struct SpectralNorm<T>::Saved {
  Saved(std::byte* memory, const SpectralNorm& norm) {
    ScratchLayout layout;
    const auto take = [&](std::int64_t count) {
      const std::size_t at = layout.add<T>(count);
      return std::span<T>(memory == nullptr ? nullptr : reinterpret_cast<T*>(memory + at),
                          static_cast<std::size_t>(count));
    };
    sigma = take(1);
    u = take(norm.rows_);
    v = take(norm.columns_);
    row_sums = take(norm.rows_);
    parameters = take(norm.inner_.parameters().buffer_size());
    gradients = take(norm.inner_.parameters().buffer_size());
    size = layout.size();
  }
  std::span<T> sigma, u, v;
  std::span<T> row_sums;               // to work in
  std::span<T> parameters, gradients;  // of the layer
  std::size_t size;                    // bytes; what the layer saves is behind
};

template <class T>
SpectralNorm<T>::SpectralNorm(std::unique_ptr<Layer<T>> layer) : layer_(std::move(layer)) {}

template <class T>
Shape SpectralNorm<T>::plan(const Shape& input, Declarations& declarations) {
  const Shape output = layer_->plan(input, inner_);
  if (!inner_.statistics().slices().empty()) {
    throw invalid_argument(kind() + " keeps statistics: it cannot be spectrally normalised");
  }
  const auto& slices = inner_.parameters().slices();
  for (std::size_t i = 0; i < slices.size(); ++i) {
    const bool weight = slices[i].name == "weight";
    if (weight) weight_at_ = i;
    parameters_.push_back({declarations.parameter(weight ? "weight_orig" : slices[i].name,
                                                  slices[i].shape, inner_.parameter_init(i)),
                           slices[i]});
  }
  const Slice& weight = inner_.parameters().find("weight");
  rows_ = weight.shape[0];
  columns_ = weight.size() / rows_;
  const auto unit = [](std::int64_t size) {
    return Init::constant(1 / std::sqrt(static_cast<double>(size)));
  };
  u_ = declarations.statistic("weight_u", {rows_}, unit(rows_));
  v_ = declarations.statistic("weight_v", {columns_}, unit(columns_));
  return output;
}

template <class T>
std::size_t SpectralNorm<T>::saved_bytes(std::int64_t batch) const {
  return Saved(nullptr, *this).size + layer_->saved_bytes(batch);
}

// u, v and sigma of this pass.
template <class T>
void SpectralNorm<T>::iterate(const ForwardArgs<T>& args, std::span<const T> w,
                              const Saved& saved) const {
  const ThreadBudget& threads = args.context.threads;
  const auto u = slice_of(args.statistics, u_);
  if (args.context.training) {
    multiply_transposed<T>(threads, w, u, saved.v);
  } else {
    std::ranges::copy(slice_of(args.statistics, v_), saved.v.begin());
  }
  normalise(saved.v);
  multiply<T>(threads, w, saved.v, saved.row_sums);
  std::ranges::copy(args.context.training ? std::span<const T>(saved.row_sums) : u,
                    saved.u.begin());
  normalise(saved.u);
  saved.sigma[0] = dot<T>(saved.u, saved.row_sums);
}

template <class T>
void SpectralNorm<T>::forward(const ForwardArgs<T>& args) const {
  const Saved saved(args.saved.data(), *this);
  const auto w = slice_of(args.parameters, parameters_[weight_at_].outer);
  iterate(args, w, saved);
  for (const Parameter& parameter : parameters_) {
    std::ranges::copy(slice_of(args.parameters, parameter.outer),
                      slice_of(saved.parameters, parameter.inner).begin());
  }
  const auto normalised = slice_of(saved.parameters, parameters_[weight_at_].inner);
  const T sigma = saved.sigma[0];
  for_each_range(args.context.threads, rows_ * columns_, kElementsPerTile,
                 [&](std::int64_t begin, std::int64_t size) {
                   for (T& value : part(normalised, begin, size)) value /= sigma;
                 });
  ForwardArgs<T> inner = args;
  inner.parameters = saved.parameters;
  inner.statistics = {};
  inner.saved = args.saved.subspan(saved.size);
  layer_->forward(inner);
}

template <class T>
void SpectralNorm<T>::backward(const BackwardArgs<T>& args) const {
  const Saved saved(args.saved.data(), *this);
  BackwardArgs<T> inner = args;
  inner.parameters = saved.parameters;
  inner.saved = args.saved.subspan(saved.size);
  inner.update = nullptr;
  if (!args.gradients.empty()) {
    std::ranges::fill(saved.gradients, T{0});
    inner.gradients = saved.gradients;
  }
  layer_->backward(inner);
  if (args.gradients.empty()) return;
  add_weight_gradient(args, saved);
  for (std::size_t i = 0; i < parameters_.size(); ++i) {
    const auto& [outer, own] = parameters_[i];
    if (i != weight_at_) {
      elementwise<T>().add_scaled(T{1}, slice_of(std::span<const T>(saved.gradients), own),
                                  slice_of(args.gradients, outer));
    }
    if (args.update != nullptr) args.update->take(outer, args.gradients);
  }
}

// With G the gradient of W / sigma, where sigma = u . W v depends on W too (equation 12 of the
// paper): (G - <G, W / sigma> u v^T) / sigma. In inference u and v count as they are stored.
template <class T>
void SpectralNorm<T>::add_weight_gradient(const BackwardArgs<T>& args, const Saved& saved) const {
  const auto& [outer, inner] = parameters_[weight_at_];
  const auto gradient = slice_of(args.gradients, outer);
  const std::span<const T> g = slice_of(saved.gradients, inner);
  const std::span<const T> normalised = slice_of(saved.parameters, inner);
  const T sigma = saved.sigma[0];
  for_each_range(
      args.context.threads, rows_, kRowsPerTile, [&](std::int64_t row, std::int64_t count) {
        for (std::int64_t r = row; r < row + count; ++r) {
          saved.row_sums[static_cast<std::size_t>(r)] =
              dot(part(g, r * columns_, columns_), part(normalised, r * columns_, columns_));
        }
      });
  T along = 0;
  for (const T sum : saved.row_sums) along += sum;
  for_each_range(
      args.context.threads, rows_, kRowsPerTile, [&](std::int64_t row, std::int64_t count) {
        for (std::int64_t r = row; r < row + count; ++r) {
          const auto to = part(gradient, r * columns_, columns_);
          elementwise<T>().add_scaled(1 / sigma, part(g, r * columns_, columns_), to);
          elementwise<T>().add_scaled(-along * saved.u[static_cast<std::size_t>(r)] / sigma,
                                      std::span<const T>(saved.v), to);
        }
      });
}

template <class T>
void SpectralNorm<T>::update_statistics(std::int64_t, std::span<const std::byte> bytes,
                                        std::span<T> statistics) const {
  // Read only; Saved is a view for both uses.
  const Saved saved(const_cast<std::byte*>(bytes.data()), *this);
  std::ranges::copy(saved.u, slice_of(statistics, u_).begin());
  std::ranges::copy(saved.v, slice_of(statistics, v_).begin());
}

template class SpectralNorm<float>;
template class SpectralNorm<double>;

}  // namespace miniray
