// Computes relu, leaky_relu and their gradients on the CPU: one pass, one read per input, one write. One thread.
#include <gpudl/activation.h>

namespace gpudl {
namespace {

template <class F> void map(const TensorView& y, const TensorView& x, F f) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* to = y.as<T>();
        const T* from = x.as<T>();
        const int64_t n = y.size();
        for (int64_t i = 0; i < n; i++) to[i] = narrow<T>(f(wide(from[i])));
    });
}

template <class F> void map(const TensorView& y, const TensorView& a, const TensorView& b, F f) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        T* to = y.as<T>();
        const T *first = a.as<T>(), *second = b.as<T>();
        const int64_t n = y.size();
        for (int64_t i = 0; i < n; i++) to[i] = narrow<T>(f(wide(first[i]), wide(second[i])));
    });
}

}  // namespace

GPUDL_KERNEL_WHEN(relu, "f <- f | d <- d | e <- e | E <- E", unary_shapes) { map(outs[0], ins[0], Relu{}); }

GPUDL_KERNEL_WHEN(relu_grad, "f <- f f | d <- d d | e <- e e | E <- E E", binary_shapes) { map(outs[0], ins[0], ins[1], ReluGrad{}); }

GPUDL_KERNEL_WHEN(leaky_relu, "f <- f ; r | d <- d ; r | e <- e ; r | E <- E ; r", unary_shapes) {
    map(outs[0], ins[0], LeakyRelu{attrs[0].real});
}

GPUDL_KERNEL_WHEN(leaky_relu_grad, "f <- f f ; r | d <- d d ; r | e <- e e ; r | E <- E E ; r", binary_shapes) {
    map(outs[0], ins[0], ins[1], LeakyReluGrad{attrs[0].real});
}

}  // namespace gpudl
