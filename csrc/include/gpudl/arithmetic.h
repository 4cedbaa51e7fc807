// Defines arithmetic of two elements, remainders, extrema, powers and their gradients, once for the C++ and the CUDA kernels:
// gpudl/ops/elementwise.py and powers.py. Integers come as int64 or uint64 (erased.h) and wrap around, as NumPy's: they are computed without
// sign, since overflow of signed ones is undefined in C++ and the bits are the same.
#pragma once
#include <type_traits>

#include <gpudl/math.h>

namespace gpudl {

namespace detail {

template <class C> constexpr bool is_integer = std::is_integral<C>::value;

template <class C> GPUDL_HOST_DEVICE inline bool is_negative(C x) {
    if constexpr (std::is_unsigned<C>::value) return false;
    else return x < C(0);
}

}  // namespace detail

struct Add {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) return C(uint64_t(a) + uint64_t(b));
        else return a + b;
    }
};

struct Subtract {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) return C(uint64_t(a) - uint64_t(b));
        else return a - b;
    }
};

struct Multiply {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) return C(uint64_t(a) * uint64_t(b));
        else return a * b;
    }
};

struct Divide {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const { return a / b; }
};

struct Negative {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        if constexpr (detail::is_integer<C>) return C(0 - uint64_t(x));
        else return -x;
    }
};

struct Absolute {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        if constexpr (detail::is_integer<C>) return detail::is_negative(x) ? C(0 - uint64_t(x)) : x;
        else return math::fabs(x);
    }
};

struct Sign {  // NaN for NaN
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        return x > C(0) ? C(1) : detail::is_negative(x) ? C(-1) : x == C(0) ? C(0) : x;
    }
};

struct Square {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return Multiply{}(x, x); }
};

struct SquareGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C half = g * x;
        return half + half;
    }
};

// quotients rounded down, and their remainders -------------------------------------------------------------------------------------

// Of integers x / 0 is 0, and so is the remainder. Of floats as NumPy: from the exact remainder of fmod, so that both belong together.
struct FloorDivide {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) {
            if (b == C(0)) return C(0);
            if (std::is_signed<C>::value && b == C(-1)) return C(0 - uint64_t(a));  // the smallest number overflows
            const C q = a / b;
            return a % b != C(0) && detail::is_negative(a) != detail::is_negative(b) ? q - C(1) : q;
        } else {
            if (b == C(0)) return a / b;
            const C rest = math::fmod(a, b);
            C q = (a - rest) / b;
            if (rest != C(0) && ((b < C(0)) != (rest < C(0)))) q -= C(1);
            if (q == C(0)) return math::copysign(C(0), a / b);
            const C down = math::floor(q);
            return q - down > C(0.5) ? down + C(1) : down;
        }
    }
};

struct Mod {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) {
            if (b == C(0) || (std::is_signed<C>::value && b == C(-1))) return C(0);
            const C rest = a % b;
            return rest != C(0) && detail::is_negative(rest) != detail::is_negative(b) ? rest + b : rest;
        } else {
            const C rest = math::fmod(a, b);
            if (b == C(0)) return rest;  // NaN
            if (rest == C(0)) return math::copysign(C(0), b);
            return (b < C(0)) != (rest < C(0)) ? rest + b : rest;
        }
    }
};

// extrema, limits, choice ----------------------------------------------------------------------------------------------------------

struct Maximum {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const { return math::max_of(a, b); }
};

struct Minimum {
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const { return math::min_of(a, b); }
};

struct MaximumGrad {  // half of g where both are equal; where one is NaN both operands get g
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const { return (a < b ? C(0) : g) * (a == b ? C(0.5) : C(1)); }
};

struct Clip {
    double low, high;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::min_of(math::max_of(x, C(low)), C(high)); }
};

struct ClipInteger {
    int64_t low, high;  // by their bits for uint64
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::min_of(math::max_of(x, C(low)), C(high)); }
};

struct ClipGrad {
    double low, high;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return x < C(low) || x > C(high) ? C(0) : g; }
};

struct Where {
    template <class C> GPUDL_HOST_DEVICE C operator()(bool c, C a, C b) const { return c ? a : b; }
};

// powers ---------------------------------------------------------------------------------------------------------------------------

// Integers to negative integer powers are whole for 1 and -1 only, else 0: a kernel cannot refuse, as NumPy does.
struct Power {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const {
        if constexpr (detail::is_integer<C>) {
            if (detail::is_negative(b)) return a == C(1) || (a == C(-1) && b % C(2) == C(0)) ? C(1) : a == C(-1) ? C(-1) : C(0);
            uint64_t power = 1, square = uint64_t(a);
            for (uint64_t n = uint64_t(b); n; n >>= 1) {
                if (n & 1) power *= square;
                square *= square;
            }
            return C(power);
        } else {
            return math::pow(a, b);
        }
    }
};

struct PowerGradBase {  // g b a^(b - 1), and 0 where b is 0, also for a = 0
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const { return b == C(0) ? C(0) : math::pow(a, b - C(1)) * b * g; }
};

struct PowerGradExponent {  // g a^b log(a), and 0 where a is 0 and b is not negative
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const {
        return a == C(0) && b >= C(0) ? C(0) : math::pow(a, b) * math::log(a) * g;
    }
};

}  // namespace gpudl
