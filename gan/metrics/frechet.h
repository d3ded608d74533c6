// The Frechet distance between two normal distributions: the FID of Heusel et al. (arXiv
// 1706.08500), |m1 - m2|^2 + tr(S1 + S2 - 2 (S1 S2)^(1/2)).
#pragma once

#include "gan/metrics/moments.h"

namespace miniray {

// The trace of the root is the sum of the roots of the eigenvalues of R^T S2 R, where S1 = R R^T by
// its eigen-decomposition: symmetric, so that no complex numbers arise; eigenvalues that rounding
// made negative count as zero. Throws invalid argument where the numbers of features differ.
double frechet_distance(const ThreadBudget& threads, const Moments& a, const Moments& b);

}  // namespace miniray
