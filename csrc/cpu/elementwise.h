// Maps functions of one element over broadcast operands: what every elementwise family shares.
//
// A family gives a loop over neighbouring elements for each type in which it computes, float or double. `map` finds those elements: operands
// that already lie so are read where they are, others (16-bit floats, gaps, repeated numbers) go through buffers that stay in the cache.
#pragma once
#include <gpudl/dtype.h>
#include <gpudl/layout.h>

#include <type_traits>

namespace gpudl {
namespace cpu {

using Loop = void (*)(const void* functor, int64_t n, void* y, const void* const* x);

struct Mapping {
    Loop loop;
    const void* functor;
    char y, x[3];    // letters of what the loop writes and reads
    int64_t weight;  // how much longer an element takes than an addition
};

// The views must broadcast to y, which lies without gaps.
void map(const Mapping& mapping, const TensorView& y, const TensorView& a);
void map(const Mapping& mapping, const TensorView& y, const TensorView& a, const TensorView& b);
void map(const Mapping& mapping, const TensorView& y, const TensorView& a, const TensorView& b, const TensorView& c);

template <class F, class = void> struct Weight {
    static constexpr int64_t value = 1;
};
template <class F> struct Weight<F, std::void_t<typename F::heavy>> {
    static constexpr int64_t value = 8;
};

template <class T> constexpr char letter = sizeof(T) == 8 ? 'd' : 'f';
template <> inline constexpr char letter<bool> = '?';

// y may be one of the inputs: element i is read before it is written, and no other depends on it.
template <class F, class Y, class A> void loop_1(const void* functor, int64_t n, void* y, const void* const* x) {
    const F f = *static_cast<const F*>(functor);
    Y* to = static_cast<Y*>(y);
    const A* a = static_cast<const A*>(x[0]);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) to[i] = f(a[i]);
}
template <class F, class Y, class A, class B> void loop_2(const void* functor, int64_t n, void* y, const void* const* x) {
    const F f = *static_cast<const F*>(functor);
    Y* to = static_cast<Y*>(y);
    const A* a = static_cast<const A*>(x[0]);
    const B* b = static_cast<const B*>(x[1]);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) to[i] = f(a[i], b[i]);
}
template <class F, class Y, class A, class B, class C> void loop_3(const void* functor, int64_t n, void* y, const void* const* x) {
    const F f = *static_cast<const F*>(functor);
    Y* to = static_cast<Y*>(y);
    const A* a = static_cast<const A*>(x[0]);
    const B* b = static_cast<const B*>(x[1]);
    const C* c = static_cast<const C*>(x[2]);
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) to[i] = f(a[i], b[i], c[i]);
}

// F of elements of one float dtype, 16-bit ones computed in float32.
template <class F> void map_floats(const TensorView& y, const TensorView& a, F f) {
    if (y.dtype == 'd') map({loop_1<F, double, double>, &f, 'd', {'d'}, Weight<F>::value}, y, a);
    else map({loop_1<F, float, float>, &f, 'f', {'f'}, Weight<F>::value}, y, a);
}
template <class F> void map_floats(const TensorView& y, const TensorView& a, const TensorView& b, F f) {
    if (y.dtype == 'd') map({loop_2<F, double, double, double>, &f, 'd', {'d', 'd'}, Weight<F>::value}, y, a, b);
    else map({loop_2<F, float, float, float>, &f, 'f', {'f', 'f'}, Weight<F>::value}, y, a, b);
}
template <class F> void map_floats(const TensorView& y, const TensorView& a, const TensorView& b, const TensorView& c, F f) {
    if (y.dtype == 'd') map({loop_3<F, double, double, double, double>, &f, 'd', {'d', 'd', 'd'}, Weight<F>::value}, y, a, b, c);
    else map({loop_3<F, float, float, float, float>, &f, 'f', {'f', 'f', 'f'}, Weight<F>::value}, y, a, b, c);
}

}  // namespace cpu
}  // namespace gpudl

// Ops of floats: of one input, of two and of three that broadcast to the first output; `attributes` is "" or " ; r …", as in a signature.
// The functor is made where `attrs` are in sight.
#define GPUDL_FLOATS_1(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(name, "f <- ~f" attributes " | d <- ~d" attributes " | e <- ~e" attributes " | E <- ~E" attributes,                  \
                      broadcast_shapes<1>) {                                                                                               \
        cpu::map_floats(outs[0], ins[0], __VA_ARGS__);                                                                                     \
    }
#define GPUDL_FLOATS_2(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(name, "f <- ~f ~f" attributes " | d <- ~d ~d" attributes " | e <- ~e ~e" attributes " | E <- ~E ~E" attributes,      \
                      broadcast_shapes<2>) {                                                                                               \
        cpu::map_floats(outs[0], ins[0], ins[1], __VA_ARGS__);                                                                             \
    }
#define GPUDL_FLOATS_3(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(                                                                                                                     \
        name, "f <- ~f ~f ~f" attributes " | d <- ~d ~d ~d" attributes " | e <- ~e ~e ~e" attributes " | E <- ~E ~E ~E" attributes,        \
        broadcast_shapes<3>) {                                                                                                             \
        cpu::map_floats(outs[0], ins[0], ins[1], ins[2], __VA_ARGS__);                                                                     \
    }
