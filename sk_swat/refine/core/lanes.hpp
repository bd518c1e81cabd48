// Eight doubles that are worked on side by side, in as many registers as the processor needs for them.
//
// Every sum of the core runs in these eight lanes and ends in one fixed tree. So results are the same to the last bit
// whether a register holds two, four or eight doubles. The file is compiled once for each instruction set, in a
// namespace of its own; nothing here may use templates of the standard library, of which the linker keeps one copy.
#pragma once

#include <cstdint>

#include "kernels.hpp"

namespace sk_swat {

namespace SK_SWAT_ISA {

#if defined(__AVX512F__)
constexpr int kWidth = 8;
#elif defined(__AVX2__)
constexpr int kWidth = 4;
#else
constexpr int kWidth = 2;
#endif
constexpr int kParts = kLanes / kWidth;

typedef double Register __attribute__((vector_size(kWidth * 8)));
typedef double Unaligned __attribute__((vector_size(kWidth * 8), aligned(8), may_alias));
typedef std::int64_t Bits __attribute__((vector_size(kWidth * 8)));

struct Mask {
    Bits part[kParts];
};

struct Lanes {
    Register part[kParts];
};

#define SK_SWAT_EACH for (int i = 0; i < kParts; ++i)
#define SK_SWAT_INLINE static inline __attribute__((always_inline))

SK_SWAT_INLINE Lanes load(const double* from) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = *reinterpret_cast<const Unaligned*>(from + i * kWidth);
    return lanes;
}

SK_SWAT_INLINE void store(double* to, const Lanes& lanes) {
    SK_SWAT_EACH *reinterpret_cast<Unaligned*>(to + i * kWidth) = lanes.part[i];
}

SK_SWAT_INLINE Lanes all(double value) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = value - Register{};
    return lanes;
}

SK_SWAT_INLINE Lanes operator+(const Lanes& a, const Lanes& b) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = a.part[i] + b.part[i];
    return lanes;
}

SK_SWAT_INLINE Lanes operator-(const Lanes& a, const Lanes& b) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = a.part[i] - b.part[i];
    return lanes;
}

SK_SWAT_INLINE Lanes operator*(const Lanes& a, const Lanes& b) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = a.part[i] * b.part[i];
    return lanes;
}

SK_SWAT_INLINE Lanes operator/(const Lanes& a, const Lanes& b) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = a.part[i] / b.part[i];
    return lanes;
}

SK_SWAT_INLINE Mask operator>(const Lanes& a, const Lanes& b) {
    Mask mask;
    SK_SWAT_EACH mask.part[i] = (Bits)(a.part[i] > b.part[i]);
    return mask;
}

SK_SWAT_INLINE Lanes choose(const Mask& mask, const Lanes& yes, const Lanes& no) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = (Register)((mask.part[i] & (Bits)yes.part[i]) | (~mask.part[i] & (Bits)no.part[i]));
    return lanes;
}

SK_SWAT_INLINE bool any(const Mask& mask) {
    std::int64_t found = 0;
    SK_SWAT_EACH for (int j = 0; j < kWidth; ++j) found |= mask.part[i][j];
    return found != 0;
}

SK_SWAT_INLINE Lanes absolute(const Lanes& a) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = (Register)((Bits)a.part[i] & INT64_MAX);
    return lanes;
}

// Flip the signs where the mask's first bit is set.
SK_SWAT_INLINE Lanes flip(const Lanes& a, const Mask& sign) {
    Lanes lanes;
    SK_SWAT_EACH lanes.part[i] = (Register)((Bits)a.part[i] ^ (sign.part[i] & INT64_MIN));
    return lanes;
}

// Sum of the lanes, always in the same order.
SK_SWAT_INLINE double sum(const Lanes& a) {
    double x[kLanes];
    store(x, a);
    return ((x[0] + x[4]) + (x[2] + x[6])) + ((x[1] + x[5]) + (x[3] + x[7]));
}

}  // namespace SK_SWAT_ISA
}  // namespace sk_swat
