// Defines exp, log and their kin for float without branches and tables, so that compilers turn loops over them into vector instructions.
// math.h takes these in the C++ kernels; each is within 3 rounding units of the true value, NaN stays NaN, inf is as in the C library.
#pragma once
#include <cmath>

#include <gpudl/dtype.h>

namespace gpudl {
namespace math {
namespace detail {

constexpr float log2e = 1.44269504f, ln2_high = 0.693359375f, ln2_low = -2.12194440e-4f;  // n ln2_high is exact for |n| < 2^9
constexpr float to_whole = 12582912.0f;                                                   // 1.5 2^23: adding it rounds to whole numbers

inline float power_of_2(int32_t n) { return bits::to_float(uint32_t(n + 127) << 23); }  // -126 <= n <= 127

// x = n ln 2 + r, |r| <= ln 2 / 2; expm1(r) = r + r^2 q(r)
struct Reduced {
    int32_t n;
    float p;
};
inline Reduced reduce(float x) {
    const float shifted = x * log2e + to_whole, n = shifted - to_whole;
    const float r = (x - n * ln2_high) - n * ln2_low;
    float q = 1.9875691500e-4f;  // S. Moshier, Cephes
    q = q * r + 1.3981999507e-3f;
    q = q * r + 8.3334519073e-3f;
    q = q * r + 4.1665795894e-2f;
    q = q * r + 1.6666665459e-1f;
    q = q * r + 5.0000001201e-1f;
    return {int32_t(bits::of(shifted) - bits::of(to_whole)), q * (r * r) + r};
}

}  // namespace detail

inline float exp(float x) {
    float c = x < -104.0f ? -104.0f : x;
    c = c > 89.0f ? 89.0f : c;
    const detail::Reduced e = detail::reduce(c);
    const int32_t half = e.n >> 1;  // two steps, for results below 2^-126 and above 2^127
    const float y = (e.p + 1.0f) * detail::power_of_2(half) * detail::power_of_2(e.n - half);
    return x != x ? x : y;
}

inline float expm1(float x) {
    float c = x < -20.0f ? -20.0f : x;
    c = c > 89.0f ? 89.0f : c;
    const detail::Reduced e = detail::reduce(c);
    const float half = detail::power_of_2(e.n - 1);
    const float y = (e.p * half + (half - 0.5f)) * 2.0f;
    return x != x || x == 0.0f ? x : y;
}

inline float log(float x) {
    const bool small = x < 1.17549435e-38f;
    const float scaled = small ? x * 8388608.0f : x;
    const uint32_t u = bits::of(scaled) - 0x3f3504f3u;  // sqrt(1/2): the fraction lies in [sqrt(1/2), sqrt(2))
    const int32_t exponent = int32_t(u) >> 23;
    const float m = bits::to_float((u & 0x007fffffu) + 0x3f3504f3u) - 1.0f, z = m * m;
    float p = 7.0376836292e-2f;  // S. Moshier, Cephes
    p = p * m - 1.1514610310e-1f;
    p = p * m + 1.1676998740e-1f;
    p = p * m - 1.2420140846e-1f;
    p = p * m + 1.4249322787e-1f;
    p = p * m - 1.6668057665e-1f;
    p = p * m + 2.0000714765e-1f;
    p = p * m - 2.4999993993e-1f;
    p = p * m + 3.3333331174e-1f;
    const float n = float(exponent - (small ? 23 : 0));
    float y = p * m * z + n * detail::ln2_low - 0.5f * z;
    y = (m + y) + n * detail::ln2_high;
    y = x < INFINITY ? y : x;  // inf, NaN
    y = x == 0.0f ? -INFINITY : y;
    return x < 0.0f ? bits::to_float(0x7fc00000u) : y;
}

inline float log1p(float x) {  // log(u) / (u - 1) is smooth: the error of u = 1 + x cancels
    const float u = x + 1.0f, y = log(u) * (x / (u - 1.0f));
    return u == 1.0f ? x : u < INFINITY && u != 0.0f ? y : log(u);
}

inline float tanh(float x) {  // e / (e + 2) with e = expm1(2 |x|)
    const float a = std::fabs(x), c = a > 10.0f ? 10.0f : a;
    const detail::Reduced d = detail::reduce(c * 2.0f);
    const float half = detail::power_of_2(d.n - 1), e = (d.p * half + (half - 0.5f)) * 2.0f;
    return std::copysign(e / (e + 2.0f), x);
}

}  // namespace math
}  // namespace gpudl
