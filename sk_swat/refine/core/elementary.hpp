// exp, sin, cos and tanh from sums and products alone, so that they are the same on every processor and C library.
//
// Relative errors are below 4e-16 for all normal results (tested against mpmath). Polynomials are Chebyshev fits of
// the remainders of the Taylor series, made with mpmath.chebyfit at 200 bits.
#pragma once

#include "lanes.hpp"
#include "reduction.hpp"

namespace sk_swat {
namespace SK_SWAT_ISA {

constexpr double kMagic = 6755399441055744.0;  // 1.5 * 2^52: what is added to it is rounded to a whole number

// 2^n for whole n between -1022 and 1023.
SK_SWAT_INLINE Lanes power_of_two(const Lanes& n) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = (Register)(((Bits)(n.part[i] + (kMagic + 1023.0))) << 52);
    return lanes;
}

// exp(r) - 1 for |r| <= ln(2) / 2.
SK_SWAT_INLINE Lanes small_expm1(const Lanes& r) {
    Lanes p = all(2.0914686968086876e-09);
    p = p * r + all(2.5105217004720745e-08);
    p = p * r + all(2.75572736431103e-07);
    p = p * r + all(2.7557255400206422e-06);
    p = p * r + all(2.4801587325547743e-05);
    p = p * r + all(0.00019841269874820627);
    p = p * r + all(0.0013888888888883748);
    p = p * r + all(0.008333333333326136);
    p = p * r + all(0.04166666666666667);
    p = p * r + all(0.1666666666666667);
    p = p * r + all(0.5);
    return r + (r * r) * p;
}

// Write x as n ln(2) + r, with n whole and |r| <= ln(2) / 2.
SK_SWAT_INLINE void by_ln2(const Lanes& x, Lanes& n, Lanes& r) {
    n = (x * all(1.4426950408889634) + all(kMagic)) - all(kMagic);
    r = (x - n * all(0.6931471803691238)) - n * all(1.9082149292705877e-10);
}

SK_SWAT_INLINE Lanes clamp(const Lanes& x, double low, double high) {  // NaN stays NaN
    Lanes inside = choose(x > all(high), all(high), x);
    return choose(all(low) > inside, all(low), inside);
}

SK_SWAT_INLINE Lanes exp(const Lanes& x) {
    Lanes n, r;
    by_ln2(clamp(x, -746.0, 710.0), n, r);
    Lanes half = (n * all(0.5) + all(kMagic)) - all(kMagic);  // 2^n itself may be out of range
    return ((all(1.0) + small_expm1(r)) * power_of_two(half)) * power_of_two(n - half);
}

// tanh(x) = -m / (m + 2) with m = exp(-2 |x|) - 1, which has all its digits also near 0.
SK_SWAT_INLINE Lanes tanh(const Lanes& x) {
    Lanes size = absolute(x), n, r;
    by_ln2(clamp(all(-2.0) * size, -100.0, 0.0), n, r);
    Lanes scale = power_of_two(n);
    Lanes m = scale * small_expm1(r) + (scale - all(1.0));
    Lanes t = (all(0.0) - m) / (m + all(2.0));
    Mask sign;
    SK_SWAT_EACH sign.part[i] = (Bits)x.part[i];
    return flip(t, sign);
}

// sin and cos together; beyond 1.6e6 lane by lane.
SK_SWAT_INLINE void sin_cos(const Lanes& x, Lanes& sine, Lanes& cosine) {
    Lanes size = absolute(x);
    Lanes shifted = x * all(0.6366197723675814) + all(kMagic);
    Lanes n = shifted - all(kMagic);
    Lanes r = ((x - n * all(1.5707963267341256)) - n * all(6.077100506303966e-11)) - n * all(2.0222662487959506e-21);
    Mask quadrant;
    SK_SWAT_EACH quadrant.part[i] = (Bits)shifted.part[i];
    if (any(size > all(1.6e6))) {
        double value[kLanes], rest[kLanes];
        std::int64_t turn[kLanes];
        store(value, x);
        store(rest, r);
        SK_SWAT_EACH for (int j = 0; j < kWidth; ++j) turn[i * kWidth + j] = quadrant.part[i][j];
        for (int j = 0; j < kLanes; ++j)
            if (value[j] > 1.6e6 || value[j] < -1.6e6) turn[j] = reduce_large(value[j], &rest[j]);
        r = load(rest);
        SK_SWAT_EACH for (int j = 0; j < kWidth; ++j) quadrant.part[i][j] = turn[i * kWidth + j];
    }
    Lanes u = r * r;
    Lanes s = all(1.591810123027412e-10);
    s = s * u + all(-2.5051131455427946e-08);
    s = s * u + all(2.755731610068303e-06);
    s = s * u + all(-0.0001984126983675497);
    s = s * u + all(0.008333333333330946);
    s = s * u + all(-0.16666666666666666);
    s = r + r * (u * s);
    Lanes c = all(-1.1382614868556325e-11);
    c = c * u + all(2.0876146024689747e-09);
    c = c * u + all(-2.7557317270560326e-07);
    c = c * u + all(2.4801587298763433e-05);
    c = c * u + all(-0.0013888888888887395);
    c = c * u + all(0.041666666666666664);
    Lanes half = all(0.5) * u;
    Lanes near = all(1.0) - half;
    c = near + (((all(1.0) - near) - half) + (u * u) * c);
    Mask odd, sine_sign, cosine_sign;
    SK_SWAT_EACH {
        odd.part[i] = -(quadrant.part[i] & 1);
        sine_sign.part[i] = quadrant.part[i] << 62;
        cosine_sign.part[i] = (quadrant.part[i] + 1) << 62;
    }
    sine = flip(choose(odd, c, s), sine_sign);
    cosine = flip(choose(odd, s, c), cosine_sign);
}

}  // namespace SK_SWAT_ISA
}  // namespace sk_swat
