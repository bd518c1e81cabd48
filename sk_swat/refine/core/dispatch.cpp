// Which instruction sets this build and this processor have.
#include <cstring>

#include "kernels.hpp"

#ifdef SK_SWAT_X86
#include <cpuid.h>
#endif

namespace sk_swat {

namespace baseline {
extern const Kernels kernels;
}
#ifdef SK_SWAT_X86
namespace avx2 {
extern const Kernels kernels;
}
namespace avx512 {
extern const Kernels kernels;
}

namespace {

struct Has {
    bool avx2 = false, avx512 = false;
};

// What the processor has, and the operating system saves. clang-cl cannot link __builtin_cpu_supports.
Has look() {
    unsigned a, b, c, d;
    if (!__get_cpuid(1, &a, &b, &c, &d) || !(c & bit_OSXSAVE)) return {};
    unsigned saved, above;
    __asm__("xgetbv" : "=a"(saved), "=d"(above) : "c"(0));
    if (!__get_cpuid_count(7, 0, &a, &b, &c, &d)) return {};
    Has has;
    has.avx2 = (saved & 0x06) == 0x06 && (b & bit_AVX2);
    has.avx512 = (saved & 0xe6) == 0xe6 && (b & bit_AVX512F) && (b & bit_AVX512DQ);
    return has;
}

}  // namespace
#endif

const char* const* kernel_names() {
    static const char* names[4] = {};
    static const bool listed = [] {
        int n = 0;
#ifdef SK_SWAT_X86
        const Has has = look();
        if (has.avx512) names[n++] = avx512::kernels.name;
        if (has.avx2) names[n++] = avx2::kernels.name;
#endif
        names[n] = baseline::kernels.name;
        return true;
    }();
    (void)listed;
    return names;
}

const Kernels* find_kernels(const char* name) {
    const char* const* names = kernel_names();
    if (!name) name = names[0];
    bool runs = false;
    for (; *names; ++names) runs = runs || !std::strcmp(name, *names);
    if (!runs) return nullptr;
#ifdef SK_SWAT_X86
    if (!std::strcmp(name, avx512::kernels.name)) return &avx512::kernels;
    if (!std::strcmp(name, avx2::kernels.name)) return &avx2::kernels;
#endif
    return &baseline::kernels;
}

}  // namespace sk_swat
