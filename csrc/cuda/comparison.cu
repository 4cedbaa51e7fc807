// Compares, and combines truths and bits, on the GPU; threads and elements as elementwise.cuh says, with a result of one byte.
#include <gpudl/comparison.h>

#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;
using erased::Integer;
using erased::Natural;
using erased::Truth;

template <class F> void compare(const char* name, const TensorView& y, const TensorView& a, const TensorView& b, Stream stream) {
    if (is_float(a.dtype)) {
        for_float_dtype(a.dtype, [&](auto zero) {
            using T = decltype(zero);
            Map<F, bool, T, T>::run(name, {&y, &a, &b}, F{}, stream);
        });
    } else if (a.dtype == 'L') {
        SimpleMap<F, Truth, Natural, Natural>::run(name, {&y, &a, &b}, F{}, stream);
    } else {
        SimpleMap<F, Truth, Integer, Integer>::run(name, {&y, &a, &b}, F{}, stream);
    }
}

// F over numbers of one class that stand for truths.
template <class F, class Class, class... Views>
void combine_numbers(const char* name, Stream stream, const TensorView& y, const Views&... ins) {
    SimpleMap<F, Truth, typename Always<Class, Views>::Type...>::run(name, {&y, &ins...}, F{}, stream);
}

template <class F, class... Views>
void combine(const char* name, Stream stream, const TensorView& y, const TensorView& a, const Views&... b) {
    if (a.dtype == '?') Map<F, bool, bool, typename Always<bool, Views>::Type...>::run(name, {&y, &a, &b...}, F{}, stream);
    else if (a.dtype == 'd') combine_numbers<F, erased::Double>(name, stream, y, a, b...);
    else if (is_float(a.dtype)) combine_numbers<F, erased::Single>(name, stream, y, a, b...);
    else combine_numbers<F, Integer>(name, stream, y, a, b...);
}

bool no_floats(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return !is_float(outs[0].dtype) && broadcast_shapes<1>(outs, ins, attrs);
}
bool no_floats_of_two(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return !is_float(outs[0].dtype) && broadcast_shapes<2>(outs, ins, attrs);
}

}  // namespace

#define GPUDL_COMPARISON(name, F)                                                                                                          \
    GPUDL_KERNEL_WHEN(name, "? <- ~* ~*", broadcast_shapes<2>) { compare<F>(#name, outs[0], ins[0], ins[1], stream); }
GPUDL_COMPARISON(equal, Equal)
GPUDL_COMPARISON(not_equal, NotEqual)
GPUDL_COMPARISON(less, Less)
GPUDL_COMPARISON(less_equal, LessEqual)
GPUDL_COMPARISON(greater, Greater)
GPUDL_COMPARISON(greater_equal, GreaterEqual)
#undef GPUDL_COMPARISON

GPUDL_KERNEL_WHEN(logical_and, "? <- ~* ~*", broadcast_shapes<2>) { combine<LogicalAnd>("logical_and", stream, outs[0], ins[0], ins[1]); }
GPUDL_KERNEL_WHEN(logical_or, "? <- ~* ~*", broadcast_shapes<2>) { combine<LogicalOr>("logical_or", stream, outs[0], ins[0], ins[1]); }
GPUDL_KERNEL_WHEN(logical_xor, "? <- ~* ~*", broadcast_shapes<2>) { combine<LogicalXor>("logical_xor", stream, outs[0], ins[0], ins[1]); }
GPUDL_KERNEL_WHEN(logical_not, "? <- ~*", broadcast_shapes<1>) { combine<LogicalNot>("logical_not", stream, outs[0], ins[0]); }

#define GPUDL_BITS(name, F)                                                                                                                \
    GPUDL_KERNEL_WHEN(name, "* <- ~* ~*", no_floats_of_two) {                                                                              \
        SimpleMap<F, Integer, Integer, Integer>::run(#name, {&outs[0], &ins[0], &ins[1]}, F{}, stream);                                    \
    }
GPUDL_BITS(bitwise_and, BitwiseAnd)
GPUDL_BITS(bitwise_or, BitwiseOr)
GPUDL_BITS(bitwise_xor, BitwiseXor)
#undef GPUDL_BITS

GPUDL_KERNEL_WHEN(bitwise_not, "* <- ~*", no_floats) {
    if (outs[0].dtype == '?') combine<LogicalNot>("bitwise_not", stream, outs[0], ins[0]);
    else SimpleMap<BitwiseNot, Integer, Integer>::run("bitwise_not", {&outs[0], &ins[0]}, BitwiseNot{}, stream);
}

}  // namespace gpudl
