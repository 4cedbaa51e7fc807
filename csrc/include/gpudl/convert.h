// Converts an element to the Value of another class of dtypes (erased.h), once for the C++ and the CUDA kernels: gpudl/ops/_common.py, cast.
#pragma once
#include <type_traits>

#include <gpudl/dtype.h>

namespace gpudl {

// Floats to integers are cut off; what no int64 holds, and NaN, is the smallest int64, as on x86. All but 0 are true, NaN too.
template <class To> struct Convert {
    template <class From> GPUDL_HOST_DEVICE To operator()(From x) const {
        constexpr bool cuts = std::is_integral<To>::value && std::is_floating_point<From>::value;
        if constexpr (std::is_same<To, bool>::value) {
            return x != From(0);
        } else if constexpr (cuts) {
            const From end = From(9223372036854775808.0);
            if (std::is_unsigned<To>::value && x >= end && x < From(2) * end) return To(x);
            return To(x >= -end && x < end ? int64_t(x) : INT64_MIN);
        } else {
            return To(x);
        }
    }
};

struct Same {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x; }
};

template <class T> struct Constant {
    T value;
    GPUDL_HOST_DEVICE T operator()() const { return value; }
};

}  // namespace gpudl
