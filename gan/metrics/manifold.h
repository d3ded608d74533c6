// How well two clouds of vectors cover each other, by nearest neighbours: precision and recall
// (Kynkaanniemi et al., arXiv 1904.06991), density and coverage (Naeem et al., arXiv 2002.09797).
#pragma once

#include <cstdint>
#include <span>

#include "engine/parallel.h"

namespace miniray {

struct ManifoldScores {
  double precision = 0;  // part of the fakes inside some real vector's ball
  double recall = 0;     // part of the reals inside some fake vector's ball
  double density = 0;    // in how many reals' balls a fake is, over k
  double coverage = 0;   // part of the reals whose ball holds a fake
};

inline constexpr std::int64_t kNeighbours = 5;

// real and fake [n, features], more than kNeighbours each. A vector's ball reaches to its k-th
// nearest neighbour of its own kind. Distances by blocked products, in double.
ManifoldScores manifold_scores(const ThreadBudget& threads, std::int64_t features,
                               std::span<const float> real, std::span<const float> fake);

}  // namespace miniray
