// Finds along axes: whether any or all are true, how many are not 0, where the greatest and the smallest are.
//
// thread ↔ elements, bytes, bound: reduce.cuh. The fast candidates take floats but float64, int32 and int64; and bool and uint8, whether they
// are 0. The other dtypes are rarely large.
#include "reduce.cuh"

namespace gpudl {
namespace {

using namespace reduction;

template <class T> struct Element {  // void: found at run time
    using Type = T;
};

// P<C> over x, C being the class in which its dtype is computed. Bytes are read as they are: 16 at a time are worth it only `with_bytes`.
template <template <class> class P, bool with_bytes, class... More>
void run(const char* name, const TensorView& y, const TensorView& x, const Axes& axes, Stream stream, More... more) {
    const auto go = [&](auto zero, auto element) {
        using C = decltype(zero);
        Reduce<P<C>, typename decltype(element)::Type>::run(name, {over<C>(y, x), more...}, axes, stream);
    };
    switch (x.dtype) {
        case 'f': return go(float{}, Element<float>{});
        case 'e': return go(float{}, Element<float16>{});
        case 'E': return go(float{}, Element<bfloat16>{});
        case 'd': return go(double{}, Element<void>{});
        case 'i': return go(int64_t{}, Element<int32_t>{});
        case 'l': return go(int64_t{}, Element<int64_t>{});
        case 'L': return go(uint64_t{}, Element<void>{});
        case '?':
        case 'B': return go(int64_t{}, Element<std::conditional_t<with_bytes, uint8_t, void>>{});
        default: return go(int64_t{}, Element<void>{});
    }
}

void nonzero(const char* name, Question question, const TensorView& y, const TensorView& x, const Scalar* attrs, Stream stream) {
    const Axes axes = reduced_axes(x, attrs);
    run<Nonzero, true>(name, y, x, axes, stream, question, axes.count);
}

void find(const char* name, bool greatest, const TensorView& y, const TensorView& x, const Scalar* attrs, Stream stream) {
    run<Find, false>(name, y, x, reduced_axes(x, attrs), stream, greatest);
}

}  // namespace

GPUDL_KERNEL(any, "? <- . ; i i*") { nonzero("any", Question::any, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(all, "? <- . ; i i*") { nonzero("all", Question::all, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(count_nonzero, "i <- . ; i i*") { nonzero("count_nonzero", Question::count, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(argmax, "i <- . ; i i* | l <- . ; i i*") { find("argmax", true, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(argmin, "i <- . ; i i* | l <- . ; i i*") { find("argmin", false, outs[0], ins[0], attrs, stream); }

}  // namespace gpudl
