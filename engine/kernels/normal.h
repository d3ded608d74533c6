// The inverse of the normal distribution function, for random numbers.
#pragma once

#include <span>

namespace miniray {

// p <- x where the share p of normal numbers, of mean 0 and variance 1, is below x; p in
// [2^-33, 1 - 2^-33], relative error below 1e-14. By Wichura, "Algorithm AS 241" (Applied
// Statistics 37, 1988), without its farthest tails, which begin at 1e-11. Additions,
// multiplications, divisions and roots alone, none fused: the same bits on every target and
// machine. Calling thread only.
void normal_quantiles(std::span<double> p);

}  // namespace miniray
