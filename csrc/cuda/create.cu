// Makes arange, linspace, eye, tri, one_hot and ravel_index on the GPU.
//
// thread ↔ element: one of the output; ravel_index: as elementwise.cuh says.
// bytes moved per element: the item size of the output; one_hot reads each label as often as it has classes, from the cache.
// expected bound: memory bandwidth, of one element a thread.
#include <gpudl/convert.h>
#include <gpudl/create.h>

#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;
using erased::Integer;

template <class F, class To> __global__ void __launch_bounds__(threads) made_kernel(char* y, char dtype, int64_t n, int64_t bytes, F f) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < n) To::store(y + i * bytes, dtype, Convert<typename To::Value>{}(f(i)));
}

template <class F, class To> void make_as(const TensorView& y, F f, Stream stream) {
    const int64_t n = y.size();
    if (n == 0) return;
    launch<made_kernel<F, To>>({blocks_for(n, threads), threads, 0, stream}, y.as<char>(), y.dtype, n, itemsize(y.dtype), f);
}

template <class F> void make(const TensorView& y, F f, Stream stream) {
    if (y.dtype == 'd') make_as<F, erased::Double>(y, f, stream);
    else if (is_float(y.dtype)) make_as<F, erased::Single>(y, f, stream);
    else if (y.dtype == '?') make_as<F, erased::Truth>(y, f, stream);
    else make_as<F, Integer>(y, f, stream);
}

struct OneHot {
    const char* labels;
    char dtype;
    int64_t bytes, classes;
    Divisor divisor;
    GPUDL_HOST_DEVICE int64_t operator()(int64_t i) const {
        const int64_t row = divisor.divide(i);
        const int64_t label = Integer::load(labels + row * bytes, dtype);
        return label == i - row * classes && !(dtype == 'L' && label < 0);
    }
};

bool indices(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const int count = count_attrs(attrs);
    bool fit = true;
    for (int k = 0; k < count; k++) fit = fit && !is_float(ins[k].dtype) && broadcasts(ins[k], outs[0]) && items_aligned(ins[k]);
    return fit;
}
bool labels(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return !is_float(ins[0].dtype) && outs[0].size() == ins[0].size() * attrs[0].integer;
}

// RavelIndex of inputs 0 … sizeof...(In) - 1.
template <class... In, size_t... k>
void ravel(const TensorView& y, const TensorView* ins, RavelIndex f, Stream stream, std::index_sequence<k...>) {
    SimpleMap<RavelIndex, Integer, In...>::run("ravel_index", {&y, &ins[k]...}, f, stream);
}

}  // namespace

GPUDL_KERNEL(arange, "* <- ; r r i i") {
    if (is_float(outs[0].dtype)) make(outs[0], ArangeReal{attrs[0].real, attrs[1].real}, stream);
    else make(outs[0], Arange{attrs[0].integer, attrs[1].integer}, stream);
}
GPUDL_KERNEL(linspace, "* <- ; r r i i i") {
    make(outs[0], Linspace{attrs[0].real, attrs[1].real, attrs[2].integer, attrs[3].integer != 0}, stream);
}
GPUDL_KERNEL(eye, "* <- ; i i i i") {
    if (outs[0].size() > 0) make(outs[0], Diagonal{Divisor(attrs[1].integer), attrs[1].integer, attrs[2].integer, false}, stream);
}
GPUDL_KERNEL(tri, "* <- ; i i i i") {
    if (outs[0].size() > 0) make(outs[0], Diagonal{Divisor(attrs[1].integer), attrs[1].integer, attrs[2].integer, true}, stream);
}
GPUDL_KERNEL_WHEN(one_hot, ". <- . ; i i", labels) {
    const int64_t classes = attrs[0].integer;
    const TensorView& x = ins[0];
    if (outs[0].size() > 0) make(outs[0], OneHot{x.as<char>(), x.dtype, itemsize(x.dtype), classes, Divisor(classes)}, stream);
}
GPUDL_KERNEL_WHEN(ravel_index,
                  "l <- ~. ~. ; i i | l <- ~. ~. ~. ; i i i | l <- ~. ~. ~. ~. ; i i i i | l <- ~. ~. ~. ~. ~. ; i i i i i | "
                  "l <- ~. ~. ~. ~. ~. ~. ; i i i i i i",
                  indices) {
    const int count = count_attrs(attrs);
    RavelIndex f{};
    for (int k = 0; k < count; k++) f.sizes[k] = attrs[k].integer;
    const TensorView& y = outs[0];
    switch (count) {
        case 2: return ravel<Integer, Integer>(y, ins, f, stream, std::make_index_sequence<2>{});
        case 3: return ravel<Integer, Integer, Integer>(y, ins, f, stream, std::make_index_sequence<3>{});
        case 4: return ravel<Integer, Integer, Integer, Integer>(y, ins, f, stream, std::make_index_sequence<4>{});
        case 5: return ravel<Integer, Integer, Integer, Integer, Integer>(y, ins, f, stream, std::make_index_sequence<5>{});
        default: return ravel<Integer, Integer, Integer, Integer, Integer, Integer>(y, ins, f, stream, std::make_index_sequence<6>{});
    }
}

}  // namespace gpudl
