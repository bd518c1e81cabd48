#include "reduction.hpp"

#include <cstring>
#include <limits>

namespace sk_swat {
namespace {

constexpr int kLimbs = 8;  // of 2 / pi that count for one argument: 169 bits of the fraction at least

constexpr std::uint32_t kTwoOverPi[] = {  // bits after the point
    0xa2f9836e, 0x4e441529, 0xfc2757d1, 0xf534ddc0, 0xdb629599, 0x3c439041, 0xfe5163ab, 0xdebbc561, 0xb7246e3a, 0x424dd2e0,
    0x06492eea, 0x09d1921c, 0xfe1deb1c, 0xb129a73e, 0xe88235f5, 0x2ebb4484, 0xe99c7026, 0xb45f7e41, 0x3991d639, 0x835339f4,
    0x9c845f8b, 0xbdf9283b, 0x1ff897ff, 0xde05980f, 0xef2f118b, 0x5a0a6d1f, 0x6d367ecf, 0x27cb09b7, 0x4f463f66, 0x9e5fea2d,
    0x7527bac7, 0xebe5f17b, 0x3d0739f7, 0x8a5292ea, 0x6bfb5fb1, 0x1f8d5d08, 0x56033046, 0xfc7b6bab, 0xf0cfbc20, 0x9af4361d};

}  // namespace

std::int64_t reduce_large(double x, double* rest) {
    std::uint64_t bits;
    std::memcpy(&bits, &x, sizeof bits);
    const int biased = static_cast<int>(bits >> 52 & 0x7ff);
    if (biased == 0x7ff) {
        *rest = std::numeric_limits<double>::quiet_NaN();
        return 0;
    }
    const std::uint64_t whole = (bits & 0xfffffffffffffULL) | 0x10000000000000ULL;
    const int exponent = biased - 1075;  // |x| = whole * 2^exponent
    const int skipped = exponent > 2 ? (exponent - 2) / 32 : 0;  // limbs that give multiples of four
    const int shift = exponent - 32 * skipped;
    std::uint32_t product[kLimbs + 2] = {};  // least significant limb first, scaled by 2^(shift - 32 kLimbs)
    const std::uint32_t factor[2] = {static_cast<std::uint32_t>(whole), static_cast<std::uint32_t>(whole >> 32)};
    for (int i = 0; i < kLimbs; ++i) {
        std::uint64_t carry = 0;
        for (int j = 0; j < 2; ++j) {
            carry += static_cast<std::uint64_t>(kTwoOverPi[skipped + kLimbs - 1 - i]) * factor[j] + product[i + j];
            product[i + j] = static_cast<std::uint32_t>(carry);
            carry >>= 32;
        }
        product[i + 2] = static_cast<std::uint32_t>(carry);
    }
    const auto bit = [&](int position) {  // of the product times 2^(shift - 32 kLimbs)
        position -= shift - 32 * kLimbs;
        return position < 0 || position >= 32 * (kLimbs + 2) ? 0u : product[position / 32] >> position % 32 & 1u;
    };
    std::int64_t quadrant = 2 * bit(1) + bit(0);
    const bool up = bit(-1) != 0;  // the fraction is at least one half: count it from the next quadrant
    quadrant += up;
    int first = -1;
    while (first > -160 && bit(first) == static_cast<unsigned>(up)) --first;
    double high = 0.0, low = 0.0;  // of the fraction, or of one less the fraction
    double unit = 1.0;
    for (int i = 0; i > first; --i) unit *= 0.5;
    for (int i = first; i > first - 26; --i, unit *= 0.5) high += bit(i) != static_cast<unsigned>(up) ? unit : 0.0;
    for (int i = first - 26; i > first - 70; --i, unit *= 0.5) low += bit(i) != static_cast<unsigned>(up) ? unit : 0.0;
    constexpr double kHigh = 1.5707963109016418, kLow = 1.5893254773528196e-08;  // pi / 2: 26 bits, and the rest
    double r = high * kHigh + (high * kLow + low * (kHigh + kLow));
    if (up) r = -r;
    if (bits >> 63) {
        r = -r;
        quadrant = -quadrant;
    }
    *rest = r;
    return quadrant & 3;
}

}  // namespace sk_swat
