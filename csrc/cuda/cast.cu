// Casts to another dtype on the GPU; threads and elements as elementwise.cuh says. The pairs that training meets are packed, the others
// have the simple candidate.
#include <gpudl/convert.h>

#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;
using namespace erased;

template <class To, class From> void packed(const TensorView& y, const TensorView& x, Stream stream) {
    using F = Convert<decltype(wide(To{}))>;
    Map<F, To, From>::run("cast", {&y, &x}, F{}, stream);
}

template <class To, class From> void simple(const TensorView& y, const TensorView& x, Stream stream) {
    using F = Convert<typename To::Value>;
    SimpleMap<F, To, From>::run("cast", {&y, &x}, F{}, stream);
}

template <class From> void from(const TensorView& y, const TensorView& x, Stream stream) {
    switch (y.dtype) {
        case 'f':
        case 'e':
        case 'E': return simple<Single, From>(y, x, stream);
        case 'd': return simple<Double, From>(y, x, stream);
        default: break;
    }
    if constexpr (std::is_integral<typename From::Value>::value) return simple<Integer, Integer>(y, x, stream);  // bits beyond are cut off
    else if (y.dtype == '?') return simple<Truth, From>(y, x, stream);
    else if (y.dtype == 'L') return simple<Natural, From>(y, x, stream);
    else return simple<Integer, From>(y, x, stream);
}

// Whether it is one of the packed pairs, which is then launched.
bool packed_pair(const TensorView& y, const TensorView& x, Stream stream) {
    if (y.dtype == 'f') {
        switch (x.dtype) {
            case 'e': return packed<float, float16>(y, x, stream), true;
            case 'E': return packed<float, bfloat16>(y, x, stream), true;
            case 'd': return packed<float, double>(y, x, stream), true;
            case '?':
            case 'B': return packed<float, uint8_t>(y, x, stream), true;
            case 'i': return packed<float, int32_t>(y, x, stream), true;
            case 'l': return packed<float, int64_t>(y, x, stream), true;
            default: return false;
        }
    }
    if (x.dtype != 'f') return false;
    switch (y.dtype) {
        case 'e': return packed<float16, float>(y, x, stream), true;
        case 'E': return packed<bfloat16, float>(y, x, stream), true;
        case 'd': return packed<double, float>(y, x, stream), true;
        default: return false;
    }
}

}  // namespace

GPUDL_KERNEL_WHEN(cast, ". <- ~. ; i", broadcast_shapes<1>) {
    const TensorView &y = outs[0], &x = ins[0];
    if (packed_pair(y, x, stream)) return;
    switch (x.dtype) {
        case 'f':
        case 'e':
        case 'E': return from<Single>(y, x, stream);
        case 'd': return from<Double>(y, x, stream);
        case 'L': return from<Natural>(y, x, stream);
        default: return from<Integer>(y, x, stream);
    }
}

}  // namespace gpudl
