// Large arguments of sin and cos: x = (n + f) pi / 2 with 2 / pi to as many bits as it takes (Payne and Hanek, 1983).
#pragma once

#include <cstdint>

namespace sk_swat {

// Quadrant n of x, of which the last two bits count; `rest` becomes f pi / 2, at most pi / 4 in size. NaN for infinite
// x and NaN.
std::int64_t reduce_large(double x, double* rest);

}  // namespace sk_swat
