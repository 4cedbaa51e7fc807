// Computes sums, means, products, greatest and smallest numbers, variances, norms and logsumexp along axes, and the sums of broadcast
// gradients (`sum_to`: a bias takes the columns of its layer's gradient).
//
// thread ↔ elements, bytes, bound: reduce.cuh. Integers have the fast candidates for sums of bool, uint8, int32 and int64 alone.
#include "reduce.cuh"

namespace gpudl {
namespace {

using namespace reduction;

// Program P<C> with further members `more`, over x.
template <template <class> class P, class... More>
void reduce(const char* name, const TensorView& y, const TensorView& x, const Axes& axes, Stream stream, More... more) {
    reduce_with(name, x.dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        if constexpr (sizeof...(More) == 0 && std::is_base_of_v<MomentsOf<C>, P<C>>) return P<C>{{over<C>(y, x)}};
        else return P<C>{over<C>(y, x), more...};
    });
}

template <class C> struct Simple {
    template <template <class> class P, class... More>
    static void reduce(const char* name, const TensorView& y, const TensorView& x, const Axes& axes, Stream stream, More... more) {
        Reduce<P<C>>::run(name, {over<C>(y, x), more...}, axes, stream);
    }
};

// The axes along which y has length 1, or that it does not have.
Axes broadcast_axes(const TensorView& y, const TensorView& x) {
    bool goes[max_dims];
    for (int i = 0; i < x.ndim; i++) {
        const int own = i - x.ndim + y.ndim;
        goes[i] = own < 0 || y.shape[own] == 1;
    }
    return axes_of(x, goes);
}

bool sums_to(const TensorView* outs, const TensorView* ins, const Scalar*) {
    const TensorView &y = outs[0], &x = ins[0];
    if (y.ndim > x.ndim) return false;
    for (int i = 1; i <= y.ndim; i++) {
        const int64_t n = y.shape[y.ndim - i];
        if (n != 1 && n != x.shape[x.ndim - i]) return false;
    }
    return true;
}

}  // namespace

#define GPUDL_FLOATS "f <- f ; i i* | d <- d ; i i* | e <- e ; i i* | E <- E ; i i*"
#define GPUDL_TO_64                                                                                                                        \
    "l <- ? ; i i* | l <- b ; i i* | l <- B ; i i* | l <- h ; i i* | l <- H ; i i* | l <- i ; i i* | l <- I ; i i* | l <- l ; i i* | L "   \
    "<- L ; i i*"
#define GPUDL_INTEGERS                                                                                                                     \
    "? <- ? ; i i* | b <- b ; i i* | B <- B ; i i* | h <- h ; i i* | H <- H ; i i* | i <- i ; i i* | I <- I ; i i* | l <- l ; i i*"

GPUDL_KERNEL(sum, GPUDL_FLOATS) {
    const Axes axes = reduced_axes(ins[0], attrs);
    reduce<Sum>("sum", outs[0], ins[0], axes, stream, Total::sum, axes.count);
}
GPUDL_KERNEL(mean, GPUDL_FLOATS) {
    const Axes axes = reduced_axes(ins[0], attrs);
    reduce<Sum>("mean", outs[0], ins[0], axes, stream, Total::mean, axes.count);
}
GPUDL_KERNEL(euclidean_norm, GPUDL_FLOATS) {
    const Axes axes = reduced_axes(ins[0], attrs);
    reduce<Sum>("euclidean_norm", outs[0], ins[0], axes, stream, Total::norm, axes.count);
}
// In float32 for the 16-bit floats.
GPUDL_KERNEL(square_sum, "f <- f | d <- d | f <- e | f <- E") {
    const Axes axes = rows_of(1, ins[0].size());
    reduce<Sum>("square_sum", outs[0], ins[0], axes, stream, Total::squares, axes.count);
}
GPUDL_KERNEL_WHEN(sum_to, "f <- f ; i* | d <- d ; i* | e <- e ; i* | E <- E ; i*", sums_to) {
    const Axes axes = broadcast_axes(outs[0], ins[0]);
    reduce<Sum>("sum_to", outs[0], ins[0], axes, stream, Total::sum, axes.count);
}
GPUDL_KERNEL(var, GPUDL_FLOATS) { reduce<Variance>("var", outs[0], ins[0], reduced_axes(ins[0], attrs), stream); }
GPUDL_KERNEL(logsumexp, GPUDL_FLOATS) { reduce<LogSumExp>("logsumexp", outs[0], ins[0], reduced_axes(ins[0], attrs), stream); }
GPUDL_KERNEL(max, GPUDL_FLOATS) { reduce<Extreme>("max", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, true); }
GPUDL_KERNEL(min, GPUDL_FLOATS) { reduce<Extreme>("min", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, false); }
GPUDL_KERNEL(prod, GPUDL_FLOATS) {
    const Axes axes = reduced_axes(ins[0], attrs);
    reduce<Product>("prod", outs[0], ins[0], axes, stream);
}

namespace integers {

// uint64 goes by its bits where wrapping around makes them the same.
GPUDL_KERNEL(sum, GPUDL_TO_64) {
    const Axes axes = reduced_axes(ins[0], attrs);
    const Sum<int64_t> sum{over<int64_t>(outs[0], ins[0]), Total::sum, axes.count};
    switch (ins[0].dtype) {
        case '?':
        case 'B': return Reduce<Sum<int64_t>, uint8_t>::run("sum", sum, axes, stream);
        case 'i': return Reduce<Sum<int64_t>, int32_t>::run("sum", sum, axes, stream);
        case 'l':
        case 'L': return Reduce<Sum<int64_t>, int64_t>::run("sum", sum, axes, stream);
        default: Reduce<Sum<int64_t>>::run("sum", sum, axes, stream);
    }
}
GPUDL_KERNEL(prod, GPUDL_TO_64) { Simple<int64_t>::reduce<Product>("prod", outs[0], ins[0], reduced_axes(ins[0], attrs), stream); }
GPUDL_KERNEL(max, GPUDL_INTEGERS) { Simple<int64_t>::reduce<Extreme>("max", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, true); }
GPUDL_KERNEL(min, GPUDL_INTEGERS) { Simple<int64_t>::reduce<Extreme>("min", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, false); }

}  // namespace integers

namespace naturals {

GPUDL_KERNEL(max, "L <- L ; i i*") { Simple<uint64_t>::reduce<Extreme>("max", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, true); }
GPUDL_KERNEL(min, "L <- L ; i i*") {
    Simple<uint64_t>::reduce<Extreme>("min", outs[0], ins[0], reduced_axes(ins[0], attrs), stream, false);
}

}  // namespace naturals

}  // namespace gpudl
