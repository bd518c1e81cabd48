// Which instruction sets this build and this processor have.
#include <cstring>

#include "kernels.hpp"

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
#endif

const char* const* kernel_names() {
    static const char* names[4] = {};
    static const bool listed = [] {
        int n = 0;
#ifdef SK_SWAT_X86
        __builtin_cpu_init();
        if (__builtin_cpu_supports("avx512f") && __builtin_cpu_supports("avx512dq")) names[n++] = avx512::kernels.name;
        if (__builtin_cpu_supports("avx2")) names[n++] = avx2::kernels.name;
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
