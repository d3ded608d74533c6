#include "engine/kernels/winograd.h"

#undef HWY_TARGET_INCLUDE
#define HWY_TARGET_INCLUDE "engine/kernels/winograd.cpp"
#include "hwy/foreach_target.h"

#include "hwy/highway.h"

HWY_BEFORE_NAMESPACE();
namespace miniray {
namespace HWY_NAMESPACE {
namespace hn = hwy::HWY_NAMESPACE;

// The matrices of winograd.h, each applied to a line of vectors: to[0, kTo) from from[0, kFrom).
template <int kTaps>
struct Sources {
  static constexpr int kFrom = kTaps + 1, kTo = kTaps + 1;
  template <class V>
  static HWY_INLINE void map(const V* from, V* to) {
    if constexpr (kTaps == 2) {
      to[0] = hn::Sub(from[0], from[1]);
      to[1] = from[1];
      to[2] = hn::Sub(from[2], from[1]);
    } else {
      to[0] = hn::Sub(from[0], from[2]);
      to[1] = hn::Add(from[1], from[2]);
      to[2] = hn::Sub(from[2], from[1]);
      to[3] = hn::Sub(from[1], from[3]);
    }
  }
};

template <int kTaps>
struct Targets {
  static constexpr int kFrom = kTaps + 1, kTo = 2;
  template <class V>
  static HWY_INLINE void map(const V* from, V* to) {
    if constexpr (kTaps == 2) {
      to[0] = hn::Add(from[0], from[1]);
      to[1] = hn::Add(from[1], from[2]);
    } else {
      to[0] = hn::Add(hn::Add(from[0], from[1]), from[2]);
      to[1] = hn::Sub(hn::Sub(from[1], from[2]), from[3]);
    }
  }
};

template <int kTaps>
struct TargetGradients {
  static constexpr int kFrom = 2, kTo = kTaps + 1;
  template <class V>
  static HWY_INLINE void map(const V* from, V* to) {
    to[0] = from[0];
    to[1] = hn::Add(from[0], from[1]);
    if constexpr (kTaps == 2) {
      to[2] = from[1];
    } else {
      to[2] = hn::Sub(from[0], from[1]);
      to[3] = hn::Neg(from[1]);
    }
  }
};

template <class V>
HWY_INLINE V half(V v) {
  const hn::DFromV<V> d;
  return hn::Mul(v, hn::Set(d, hn::TFromD<decltype(d)>(0.5)));
}

template <int kTaps>
struct Weights {
  static constexpr int kFrom = kTaps, kTo = kTaps + 1;
  template <class V>
  static HWY_INLINE void map(const V* from, V* to) {
    to[0] = from[0];
    if constexpr (kTaps == 2) {
      to[1] = hn::Add(from[0], from[1]);
      to[2] = from[1];
    } else {
      const V ends = half(hn::Add(from[0], from[2])), middle = half(from[1]);
      to[1] = hn::Add(ends, middle);
      to[2] = hn::Sub(ends, middle);
      to[3] = from[2];
    }
  }
};

template <int kTaps>
struct WeightGradients {
  static constexpr int kFrom = kTaps + 1, kTo = kTaps;
  template <class V>
  static HWY_INLINE void map(const V* from, V* to) {
    if constexpr (kTaps == 2) {
      to[0] = hn::Add(from[0], from[1]);
      to[1] = hn::Add(from[1], from[2]);
    } else {
      const V sum = half(hn::Add(from[1], from[2]));
      to[0] = hn::Add(from[0], sum);
      to[1] = half(hn::Sub(from[1], from[2]));
      to[2] = hn::Add(sum, from[3]);
    }
  }
};

// One vector of channels of a grid: all columns first, then all rows.
template <class Map, class D, class T = hn::TFromD<D>>
HWY_INLINE void map_vector(D d, const T* HWY_RESTRICT from, const GridSteps& from_steps,
                           T* HWY_RESTRICT to, const GridSteps& to_steps) {
  using V = hn::Vec<D>;
  V between[Map::kTo][Map::kFrom];
  HWY_UNROLL(4)
  for (int c = 0; c < Map::kFrom; ++c) {
    V column[Map::kFrom], mapped[Map::kTo];
    HWY_UNROLL(4)
    for (int r = 0; r < Map::kFrom; ++r) {
      column[r] = hn::LoadU(d, from + r * from_steps.row + c * from_steps.column);
    }
    Map::map(column, mapped);
    HWY_UNROLL(4)
    for (int r = 0; r < Map::kTo; ++r) between[r][c] = mapped[r];
  }
  HWY_UNROLL(4)
  for (int r = 0; r < Map::kTo; ++r) {
    V mapped[Map::kTo];
    Map::map(between[r], mapped);
    HWY_UNROLL(4)
    for (int c = 0; c < Map::kTo; ++c) {
      hn::StoreU(mapped[c], d, to + r * to_steps.row + c * to_steps.column);
    }
  }
}

template <class T, class Map>
void map_grids(std::int64_t grids, std::int64_t channels, const T* from,
               const GridSteps& from_steps, T* to, const GridSteps& to_steps) {
  const hn::CappedTag<T, WinogradMaps<T>::kChannels> d;
  const auto lanes = static_cast<std::int64_t>(hn::Lanes(d));
  for (std::int64_t g = 0; g < grids; ++g, from += from_steps.grid, to += to_steps.grid) {
    for (std::int64_t c = 0; c < channels; c += lanes) {
      map_vector<Map>(d, from + c, from_steps, to + c, to_steps);
    }
  }
}

template <class T, int kTaps>
constexpr WinogradMaps<T> kMaps = {
    .sources = map_grids<T, Sources<kTaps>>,
    .targets = map_grids<T, Targets<kTaps>>,
    .target_gradients = map_grids<T, TargetGradients<kTaps>>,
    .weights = map_grids<T, Weights<kTaps>>,
    .weight_gradients = map_grids<T, WeightGradients<kTaps>>,
};

template <class T>
const WinogradMaps<T>* maps_of(std::int64_t taps) {
  return taps == 2 ? &kMaps<T, 2> : &kMaps<T, 3>;
}
const WinogradMaps<float>* winograd_maps_float(std::int64_t taps) { return maps_of<float>(taps); }
const WinogradMaps<double>* winograd_maps_double(std::int64_t taps) {
  return maps_of<double>(taps);
}

}  // namespace HWY_NAMESPACE
}  // namespace miniray
HWY_AFTER_NAMESPACE();

#if HWY_ONCE
namespace miniray {

HWY_EXPORT(winograd_maps_float);
HWY_EXPORT(winograd_maps_double);

template <>
const WinogradMaps<float>& winograd_maps(std::int64_t taps) {
  return *HWY_DYNAMIC_DISPATCH(winograd_maps_float)(taps);
}
template <>
const WinogradMaps<double>& winograd_maps(std::int64_t taps) {
  return *HWY_DYNAMIC_DISPATCH(winograd_maps_double)(taps);
}

}  // namespace miniray
#endif
