// Finds along axes: whether any or all are true, how many are not 0, where the greatest and the smallest are.
//
// thread ↔ elements, bytes, bound: reduce.cuh. Only the places of float32 have the fast candidates; what is asked of the others is rarely large.
#include "reduce.cuh"

namespace gpudl {
namespace {

using namespace reduction;

template <class P> void simple(const char* name, const P& p, const Axes& axes, Stream stream) { Reduce<P>::run(name, p, axes, stream); }

// The class in which a dtype is compared with 0.
template <class F> void for_class(char dtype, F f) {
    switch (dtype) {
        case 'd': f(double{}); break;
        case 'f':
        case 'e':
        case 'E': f(float{}); break;
        case 'L': f(uint64_t{}); break;
        default: f(int64_t{}); break;
    }
}

void nonzero(const char* name, Question question, const TensorView& y, const TensorView& x, const Scalar* attrs, Stream stream) {
    const Axes axes = reduced_axes(x, attrs);
    for_class(x.dtype == 'L' ? 'l' : x.dtype, [&](auto zero) {
        using C = decltype(zero);
        if constexpr (!std::is_same_v<C, uint64_t>) simple(name, Nonzero<C>{over<C>(y, x), question, axes.count}, axes, stream);
    });
}

void find(const char* name, bool greatest, const TensorView& y, const TensorView& x, const Scalar* attrs, Stream stream) {
    const Axes axes = reduced_axes(x, attrs);
    if (x.dtype == 'f') return Reduce<Find<float>, float>::run(name, {over<float>(y, x), greatest}, axes, stream);
    for_class(x.dtype, [&](auto zero) {
        using C = decltype(zero);
        simple(name, Find<C>{over<C>(y, x), greatest}, axes, stream);
    });
}

}  // namespace

GPUDL_KERNEL(any, "? <- . ; i i*") { nonzero("any", Question::any, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(all, "? <- . ; i i*") { nonzero("all", Question::all, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(count_nonzero, "i <- . ; i i*") { nonzero("count_nonzero", Question::count, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(argmax, "i <- . ; i i* | l <- . ; i i*") { find("argmax", true, outs[0], ins[0], attrs, stream); }
GPUDL_KERNEL(argmin, "i <- . ; i i* | l <- . ; i i*") { find("argmin", false, outs[0], ins[0], attrs, stream); }

}  // namespace gpudl
