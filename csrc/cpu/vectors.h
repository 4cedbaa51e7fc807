// Vectors of 64 bytes as a type, which compilers cut to the registers that an instruction set has; and sums in an order fixed by sizes.
#pragma once
#include <cstdint>

namespace gpudl {
namespace cpu {

template <class C> struct VectorOf {
    typedef C Type __attribute__((vector_size(64), aligned(sizeof(C)), may_alias));  // at any address that an element may have
    static constexpr int lanes = 64 / sizeof(C);
};
template <class C> using Vector = typename VectorOf<C>::Type;

template <class C> inline Vector<C> load(const C* from) { return *reinterpret_cast<const Vector<C>*>(from); }
template <class C> inline void store(C* to, Vector<C> v) { *reinterpret_cast<Vector<C>*>(to) = v; }

template <class C> inline C sum_lanes(Vector<C> v) {
    C lane[VectorOf<C>::lanes];
    store(lane, v);
    for (int width = VectorOf<C>::lanes / 2; width > 0; width /= 2) {
        for (int i = 0; i < width; i++) lane[i] += lane[i + width];
    }
    return lane[0];
}

// The sum of term(i) for 0 <= i < n; term(i, Vector) gives a vector of them. No more than 64 numbers are added one after another, and then
// the sums of 4,096.
template <class C, class Term> inline C sum_of(int64_t n, const Term& term) {
    constexpr int lanes = VectorOf<C>::lanes, together = 4;
    constexpr int64_t part = 64 * lanes * together;
    C total = C(0);
    for (int64_t begin = 0; begin < n; begin += part) {
        const int64_t end = n - begin < part ? n : begin + part;
        Vector<C> a = {}, b = {}, c = {}, d = {};
        int64_t i = begin;
        for (; i + together * lanes <= end; i += together * lanes) {
            a += term(i, Vector<C>{});
            b += term(i + lanes, Vector<C>{});
            c += term(i + 2 * lanes, Vector<C>{});
            d += term(i + 3 * lanes, Vector<C>{});
        }
        for (; i + lanes <= end; i += lanes) a += term(i, Vector<C>{});
        C rest = C(0);
        for (; i < end; i++) rest += term(i);
        total += sum_lanes<C>((a + b) + (c + d)) + rest;
    }
    return total;
}

// Neighbouring numbers as terms.
template <class C> struct Numbers {
    const C* x;
    C operator()(int64_t i) const { return x[i]; }
    Vector<C> operator()(int64_t i, Vector<C>) const { return load(x + i); }
};

}  // namespace cpu
}  // namespace gpudl
