// Computes silu, mish, gelu, glu and their gradients on the GPU; threads and elements as elementwise.cuh says.
//
// glu sees the halves of its input as two operands with the strides of the whole, and its gradient writes them one after the other.
#include <gpudl/smooth.h>

#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;

// One half of x along an axis. `shape` is to hold the half's.
TensorView half(const TensorView& x, int64_t axis, bool second, int64_t (&shape)[max_dims]) {
    for (int d = 0; d < x.ndim; d++) shape[d] = d == axis ? x.shape[d] / 2 : x.shape[d];
    TensorView view = x;
    view.shape = shape;
    view.dense = false;
    if (second) view.data = x.as<char>() + x.shape[axis] / 2 * x.strides[axis];
    return view;
}

bool halves(const TensorView& y, const TensorView& x, const Scalar& axis) {
    if (axis.integer < 0 || axis.integer >= x.ndim || x.ndim > max_dims || x.shape[axis.integer] % 2 != 0) return false;
    int64_t shape[max_dims];
    return same_shape(y, half(x, axis.integer, false, shape)) && items_aligned(x);
}
bool glu_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) { return halves(outs[0], ins[0], attrs[0]); }
bool glu_grad_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return halves(ins[0], ins[1], attrs[0]) && same_shape(outs[0], ins[1]) && items_aligned(ins[0]);
}

}  // namespace

GPUDL_FLOATS_1(silu, "", Silu{})
GPUDL_FLOATS_2(silu_grad, "", SiluGrad{})
GPUDL_FLOATS_1(mish, "", Mish{})
GPUDL_FLOATS_2(mish_grad, "", MishGrad{})

GPUDL_KERNEL_WHEN(gelu, "f <- ~f ; i | d <- ~d ; i | e <- ~e ; i | E <- ~E ; i", broadcast_shapes<1>) {
    if (attrs[0].integer) map_floats("gelu", outs[0], ins[0], GeluTanh{}, stream);
    else map_floats("gelu", outs[0], ins[0], GeluErf{}, stream);
}
GPUDL_KERNEL_WHEN(gelu_grad, "f <- ~f ~f ; i | d <- ~d ~d ; i | e <- ~e ~e ; i | E <- ~E ~E ; i", broadcast_shapes<2>) {
    if (attrs[0].integer) map_floats("gelu_grad", outs[0], ins[0], ins[1], GeluTanhGrad{}, stream);
    else map_floats("gelu_grad", outs[0], ins[0], ins[1], GeluErfGrad{}, stream);
}

GPUDL_KERNEL_WHEN(glu, "f <- ~f ; i | d <- ~d ; i | e <- ~e ; i | E <- ~E ; i", glu_shapes) {
    int64_t first[max_dims], second[max_dims];
    const TensorView a = half(ins[0], attrs[0].integer, false, first), b = half(ins[0], attrs[0].integer, true, second);
    map_floats("glu", outs[0], a, b, Gate{}, stream);
}
GPUDL_KERNEL_WHEN(glu_grad, "f <- ~f ~f ; i | d <- ~d ~d ; i | e <- ~e ~e ; i | E <- ~E ~E ; i", glu_grad_shapes) {
    const int64_t axis = attrs[0].integer;
    int64_t first[max_dims], second[max_dims], to_first[max_dims], to_second[max_dims];
    const TensorView a = half(ins[1], axis, false, first), b = half(ins[1], axis, true, second);
    map_floats("glu_grad", half(outs[0], axis, false, to_first), ins[0], b, GateGradFirst{}, stream);
    map_floats("glu_grad", half(outs[0], axis, true, to_second), ins[0], a, b, GateGradSecond{}, stream);
}

}  // namespace gpudl
