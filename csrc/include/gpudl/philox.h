// Draws random words: Philox4x32-10 (J. Salmon et al., "Parallel random numbers: as easy as 1, 2, 3", 2011), the same on every path.
//
// A state is four uint32: seed low, seed high, stream, draw. Block b of a draw has key (seed low, seed high) and counter (b low, b high,
// stream, draw), and holds four words.
#pragma once
#include <gpudl/math.h>

namespace gpudl {
namespace philox {

struct State {
    uint32_t seed_low, seed_high, stream, draw;
};

struct Words {
    uint32_t w[4];
};

GPUDL_HOST_DEVICE inline Words block(const State& state, uint64_t b) {
    uint32_t k0 = state.seed_low, k1 = state.seed_high;
    uint32_t c0 = uint32_t(b), c1 = uint32_t(b >> 32), c2 = state.stream, c3 = state.draw;
    for (int round = 0; round < 10; round++) {
        const uint64_t a = uint64_t(0xD2511F53u) * c0, d = uint64_t(0xCD9E8D57u) * c2;
        c0 = uint32_t(d >> 32) ^ c1 ^ k0;
        c2 = uint32_t(a >> 32) ^ c3 ^ k1;
        c1 = uint32_t(d);
        c3 = uint32_t(a);
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    return {{c0, c1, c2, c3}};
}

// Lane i, 0 <= i < 8, of 16 bits: little endian, the low half of a word first.
GPUDL_HOST_DEVICE inline uint32_t lane(const Words& words, int i) { return words.w[i >> 1] >> (16 * (i & 1)) & 0xffffu; }

// 53 bits of two words.
GPUDL_HOST_DEVICE inline uint64_t bits53(uint32_t first, uint32_t second) { return uint64_t(first >> 5) << 26 | second >> 6; }

}  // namespace philox

// Distributions: `number<T>(words, k, …)` makes the element whose words are words.w[k] and, for those of two words, words.w[k + 1].
namespace distributions {

// Which dtype holds how many bits exactly.
template <class T> struct Bits;
template <> struct Bits<float16> {
    static constexpr int count = 11;
};
template <> struct Bits<bfloat16> {
    static constexpr int count = 8;
};
template <> struct Bits<float> {
    static constexpr int count = 24;
};
template <> struct Bits<double> {
    static constexpr int count = 53;
};

// Integers 0 <= i < 2^bits as they come out of one word, or of two.
template <class T> GPUDL_HOST_DEVICE inline decltype(wide(T{})) fraction(uint32_t first, uint32_t second) {
    using C = decltype(wide(T{}));
    if constexpr (Bits<T>::count > 24) return C(int64_t(philox::bits53(first, second)));
    else return C(first >> (32 - Bits<T>::count));
}

// Evenly low <= u < high. `most` is the largest number below high: rounding may reach it.
struct Uniform {
    double low, high, most;
    bool unit;  // low = 0, high = 1
    template <class T> GPUDL_HOST_DEVICE decltype(wide(T{})) number(uint32_t first, uint32_t second) const {
        using C = decltype(wide(T{}));
        constexpr C last = Bits<T>::count == 53   ? C(0x1p-53)
                           : Bits<T>::count == 24 ? C(0x1p-24)
                           : Bits<T>::count == 11 ? C(0x1p-11)
                                                  : C(0x1p-8);
        C u = fraction<T>(first, second) * last;
        if (unit) return u;
        u = u * (C(high) - C(low)) + C(low);
        return u < C(most) ? u : C(most);
    }
};

// Box and Muller: u1, u2 make two normals, in float64.
struct Pair {
    double first, second;
};
GPUDL_HOST_DEVICE inline Pair normals(double u1, double u2, double mean, double stddev) {
    const double radius = math::sqrt(-2.0 * math::log(u1)) * stddev, angle = u2 * 6.283185307179586;
    return {radius * math::cos(angle) + mean, radius * math::sin(angle) + mean};
}

GPUDL_HOST_DEVICE inline double ratio(double r, const double (&top)[8], const double (&bottom)[8]) {
    double a = r * top[0], b = r * bottom[0];
    for (int i = 1; i < 7; i++) {
        a = (a + top[i]) * r;
        b = (b + bottom[i]) * r;
    }
    return (a + top[7]) / (b + bottom[7]);
}

// The normal number at the share q + 1/2 of the distribution, |q| < 1/2 (M. Wichura, "Algorithm AS 241", 1988), for |q| up to that of 2
// standard deviations.
GPUDL_HOST_DEVICE inline double normal_quantile(double q) {
    const double centre_top[8] = {2.5090809287301226727e3, 3.3430575583588128105e4, 6.7265770927008700853e4, 4.5921953931549871457e4,
                                  1.3731693765509461125e4, 1.9715909503065514427e3, 1.3314166789178437745e2, 3.3871328727963666080e0};
    const double centre_bottom[8] = {5.2264952788528545610e3, 2.8729085735721942674e4, 3.9307895800092710610e4, 2.1213794301586595867e4,
                                     5.3941960214247511077e3, 6.8718700749205790830e2, 4.2313330701600911252e1, 1.0};
    const double tail_top[8] = {7.74545014278341407640e-4, 2.27238449892691845833e-2, 2.41780725177450611770e-1, 1.27045825245236838258e0,
                                3.64784832476320460504e0,  5.76949722146069140550e0,  4.63033784615654529590e0,  1.42343711074968357734e0};
    const double tail_bottom[8] = {
        1.05075007164441684324e-9, 5.47593808499534494600e-4, 1.51986665636164571966e-2, 1.48103976427480074590e-1,
        6.89767334985100004550e-1, 1.67638483018380384940e0,  2.05319162663775882187e0,  1.0};
    const double size = math::fabs(q);
    if (size <= 0.425) return q * ratio(0.180625 - q * q, centre_top, centre_bottom);
    return math::copysign(ratio(math::sqrt(-math::log(0.5 - size)) - 1.6, tail_top, tail_bottom), q);
}

}  // namespace distributions
}  // namespace gpudl
