#include "buffers.h"

namespace gpudl {
namespace cpu {
namespace {

template <class T> void load(void* to, const char* from, int64_t stride, int64_t n) {
    using C = decltype(wide(T{}));
    C* out = static_cast<C*>(to);
    if (stride == int64_t(sizeof(T))) {
        const T* in = reinterpret_cast<const T*>(from);
        for (int64_t i = 0; i < n; i++) out[i] = wide(in[i]);
    } else if (stride == 0) {
        const C one = wide(*reinterpret_cast<const T*>(from));
        for (int64_t i = 0; i < n; i++) out[i] = one;
    } else {
        for (int64_t i = 0; i < n; i++) out[i] = wide(*reinterpret_cast<const T*>(from + i * stride));
    }
}

template <class T> void store(void* to, const char* from, int64_t, int64_t n) {
    const auto* in = reinterpret_cast<const decltype(wide(T{}))*>(from);
    T* out = static_cast<T*>(to);
    for (int64_t i = 0; i < n; i++) out[i] = narrow<T>(in[i]);
}

}  // namespace

Copy loading(char dtype) {
    switch (dtype) {
        case 'f': return load<float>;
        case 'd': return load<double>;
        case 'e': return load<float16>;
        case 'E': return load<bfloat16>;
        default: return load<bool>;
    }
}

Copy storing(char dtype) {
    switch (dtype) {
        case 'f': return store<float>;
        case 'd': return store<double>;
        case 'e': return store<float16>;
        case 'E': return store<bfloat16>;
        default: return store<bool>;
    }
}

}  // namespace cpu
}  // namespace gpudl
