// Registers elementwise kernels in one line each. Floats have all candidates of elementwise.cuh, integers and bools the simple one.
#pragma once
#include "elementwise.cuh"

namespace gpudl {
namespace elementwise {

// F from inputs of the output's float dtype.
template <class F> void map_floats(const char* name, const TensorView& y, const TensorView& a, F f, Stream stream) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        Map<F, T, T>::run(name, {&y, &a}, f, stream);
    });
}
template <class F> void map_floats(const char* name, const TensorView& y, const TensorView& a, const TensorView& b, F f, Stream stream) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        Map<F, T, T, T>::run(name, {&y, &a, &b}, f, stream);
    });
}
template <class F>
void map_floats(const char* name, const TensorView& y, const TensorView& a, const TensorView& b, const TensorView& c, F f, Stream stream) {
    for_float_dtype(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        Map<F, T, T, T, T>::run(name, {&y, &a, &b, &c}, f, stream);
    });
}

inline bool is_float(char dtype) { return dtype == 'f' || dtype == 'd' || dtype == 'e' || dtype == 'E'; }

// F from inputs of the output's dtype, whichever it is. `ordered`: uint64 is not the same as int64 to F.
template <class F, bool ordered = false, class... Views>
void map_numbers(const char* name, F f, Stream stream, const TensorView& y, const Views&... ins) {
    using erased::Integer;
    using Whole = std::conditional_t<ordered, erased::Natural, Integer>;
    if (is_float(y.dtype)) map_floats(name, y, ins..., f, stream);
    else if (y.dtype == 'L') SimpleMap<F, Whole, typename Always<Whole, Views>::Type...>::run(name, {&y, &ins...}, f, stream);
    else SimpleMap<F, Integer, typename Always<Integer, Views>::Type...>::run(name, {&y, &ins...}, f, stream);
}

}  // namespace elementwise
}  // namespace gpudl

// Ops of floats: of one input, of two and of three that broadcast to the first output; `attributes` is "" or " ; r …", as in a signature.
// The functor is made where `attrs` are in sight.
#define GPUDL_FLOATS_1(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(name, "f <- ~f" attributes " | d <- ~d" attributes " | e <- ~e" attributes " | E <- ~E" attributes,                  \
                      broadcast_shapes<1>) {                                                                                               \
        elementwise::map_floats(#name, outs[0], ins[0], __VA_ARGS__, stream);                                                              \
    }
#define GPUDL_FLOATS_2(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(name, "f <- ~f ~f" attributes " | d <- ~d ~d" attributes " | e <- ~e ~e" attributes " | E <- ~E ~E" attributes,      \
                      broadcast_shapes<2>) {                                                                                               \
        elementwise::map_floats(#name, outs[0], ins[0], ins[1], __VA_ARGS__, stream);                                                      \
    }
#define GPUDL_FLOATS_3(name, attributes, ...)                                                                                              \
    GPUDL_KERNEL_WHEN(                                                                                                                     \
        name, "f <- ~f ~f ~f" attributes " | d <- ~d ~d ~d" attributes " | e <- ~e ~e ~e" attributes " | E <- ~E ~E ~E" attributes,        \
        broadcast_shapes<3>) {                                                                                                             \
        elementwise::map_floats(#name, outs[0], ins[0], ins[1], ins[2], __VA_ARGS__, stream);                                              \
    }
