// Computes the gradients of reductions: each result's gradient goes back to the elements that it was made of.
//
// thread ↔ elements, bytes, bound: elementwise.cuh, where the gradient is broadcast along the axes that went; rows.cuh where x is searched
// first; for products a block a result, whose threads hold neighbouring pieces of its elements.
#include "elementwise.cuh"
#include "rows.cuh"

#include <gpudl/reduce_grad.h>

namespace gpudl {
namespace {

using namespace rows;

// g or y of a reduction with the axes that went put back, of length 1. A single number broadcasts anyway.
struct Kept {
    int64_t shape[max_dims], strides[max_dims];
    TensorView view;

    Kept(const TensorView& y, const TensorView& x, const bool* goes) : view{y.data, shape, strides, x.ndim, y.dtype, true} {
        int64_t step = itemsize(y.dtype);
        for (int i = x.ndim - 1; i >= 0; i--) {
            shape[i] = goes[i] || y.size() == 1 ? 1 : x.shape[i];
            strides[i] = step;
            step *= shape[i];
        }
    }
    Kept(const Kept&) = delete;
    Kept& operator=(const Kept&) = delete;
};

struct Goes {
    bool axes[max_dims] = {};

    Goes(const Scalar* attrs, int n) {
        for (int i = 0; i < n; i++) axes[attrs[i].integer] = true;
    }
};

// attrs: how many axes, the axes, the shape of x.
template <class F> void spread(const char* name, const TensorView& dx, const TensorView& g, const Scalar* attrs, F f, Stream stream) {
    const Goes goes(attrs + 1, int(attrs[0].integer));
    const Kept kept(g, dx, goes.axes);
    for_float_dtype(dx.dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<F, T, T>::run(name, {&dx, &kept.view}, f, stream);
    });
}

// ins: g, x, y; attrs: keepdims, axes.
template <class F> void spread_with(const char* name, const TensorView& dx, const TensorView* ins, const Scalar* attrs, Stream stream) {
    const Goes goes(attrs + 1, count_attrs(attrs) - 1);
    const Kept g(ins[0], dx, goes.axes), y(ins[2], dx, goes.axes);
    for_float_dtype(dx.dtype, [&](auto zero) {
        using T = decltype(zero);
        elementwise::Map<F, T, T, T, T>::run(name, {&dx, &g.view, &ins[1], &y.view}, F{}, stream);
    });
}

double times(const TensorView& dx, const Scalar* attrs) {
    double count = 1;
    for (int i = 1; i <= attrs[0].integer; i++) count *= double(dx.shape[attrs[i].integer]);
    return count;
}

// dx = g times the product of the others, those before and those after, so that zeros need no division. A thread knows the products of the
// pieces before and after its own, and multiplies its own from both ends; 16-bit results cannot hold products meanwhile, so it starts anew.
template <class C> __global__ void __launch_bounds__(threads)
    simple_product_grad_kernel(const __grid_constant__ Over<C> p, const __grid_constant__ Axes axes, Upstream g) {
    GPUDL_SHARED_ARRAY(C, product, [threads]);
    const int64_t piece = ceil_div(axes.count, threads), begin = min(int64_t(threadIdx.x) * piece, axes.count);
    const int64_t end = min(begin + piece, axes.count);
    for (int64_t out = blockIdx.x; out < axes.outputs; out += gridDim.x) {
        const int64_t origin = offset_of(out, axes.kept_size, axes.kept_stride, axes.kept);
        const auto offset = [&](int64_t at) { return origin + offset_of(at, axes.gone_size, axes.gone_stride, axes.gone); };
        const auto x = [&](int64_t at) { return read<C>(p.in[0], p.dtype, offset(at)); };
        C own = C(1);
        for (int64_t at = begin; at < end; at++) own *= x(at);
        product[threadIdx.x] = own;
        __syncthreads();
        C before = C(1), after = C(1);
        for (int k = 0; k < int(threadIdx.x); k++) before *= product[k];
        for (int k = threads - 1; k > int(threadIdx.x); k--) after *= product[k];
        const C grad = read<C>(g.data, p.dtype, out * g.step);
        for (int64_t at = begin; at < end; at++) {
            C behind = after;
            for (int64_t k = end - 1; k > at; k--) behind *= x(k);
            p.put(offset(at), before * behind * grad);
            before *= x(at);
        }
        __syncthreads();
    }
}

template <class C> void launch_product_grad(const Problem<Over<C>>& q, const Upstream& g, Stream stream) {
    launch<simple_product_grad_kernel<C>>({blocks_for(q.axes.outputs), threads, 0, stream}, q.p, q.axes, g);
}

#define GPUDL_SPREAD "f <- f ; i i* | d <- d ; i i* | e <- e ; i i* | E <- E ; i i*"
#define GPUDL_TWO "f <- f f ; i i* | d <- d d ; i i* | e <- e e ; i i* | E <- E E ; i i*"
#define GPUDL_THREE "f <- f f f ; i i* | d <- d d d ; i i* | e <- e e e ; i i* | E <- E E E ; i i*"

}  // namespace

GPUDL_KERNEL(sum_grad, GPUDL_SPREAD) { spread("sum_grad", outs[0], ins[0], attrs, Whole{}, stream); }
GPUDL_KERNEL(mean_grad, GPUDL_SPREAD) { spread("mean_grad", outs[0], ins[0], attrs, Share{times(outs[0], attrs)}, stream); }
GPUDL_KERNEL(logsumexp_grad, GPUDL_THREE) { spread_with<LogSumExpGrad>("logsumexp_grad", outs[0], ins, attrs, stream); }
GPUDL_KERNEL(euclidean_norm_grad, GPUDL_THREE) { spread_with<EuclideanNormGrad>("euclidean_norm_grad", outs[0], ins, attrs, stream); }

GPUDL_KERNEL(var_grad, GPUDL_TWO) {
    const Axes axes = reduced_axes(ins[1], attrs);
    write_rows("var_grad", ins[0].dtype, axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return VarianceGrad<C>{{over<C, 1>(outs[0], ins + 1)}, Upstream(ins[0]), C(axes.count)};
    });
}

GPUDL_KERNEL(extreme_grad, GPUDL_THREE) {
    write_rows("extreme_grad", ins[0].dtype, reduced_axes(ins[1], attrs), stream, [&](auto zero) {
        using C = decltype(zero);
        return ExtremeGrad<C>{{over<C, 1>(outs[0], ins + 1)}, Upstream(ins[0]), Upstream(ins[2])};
    });
}

GPUDL_KERNEL(prod_grad, GPUDL_TWO) {
    const Axes axes = reduced_axes(ins[1], attrs);
    if (axes.outputs * axes.count == 0) return;
    const Upstream g(ins[0]);
    if (ins[0].dtype == 'd') launch_product_grad<double>({over<double>(outs[0], ins[1]), axes}, g, stream);
    else launch_product_grad<float>({over<float>(outs[0], ins[1]), axes}, g, stream);
}

}  // namespace gpudl
