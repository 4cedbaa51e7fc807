// Chooses the greater, the smaller and what lies between limits, on the GPU; threads and elements as elementwise.cuh says.
#include <gpudl/arithmetic.h>

#include "families.cuh"

namespace gpudl {

using namespace elementwise;

GPUDL_KERNEL_WHEN(maximum, "* <- ~* ~*", broadcast_shapes<2>) {
    map_numbers<Maximum, true>("maximum", {}, stream, outs[0], ins[0], ins[1]);
}
GPUDL_KERNEL_WHEN(minimum, "* <- ~* ~*", broadcast_shapes<2>) {
    map_numbers<Minimum, true>("minimum", {}, stream, outs[0], ins[0], ins[1]);
}
GPUDL_FLOATS_3(maximum_grad, "", MaximumGrad{})

GPUDL_KERNEL_WHEN(clip, "* <- ~* ; r r", broadcast_shapes<1>) {
    if (is_float(outs[0].dtype)) return map_floats("clip", outs[0], ins[0], Clip{attrs[0].real, attrs[1].real}, stream);
    const ClipInteger limits{attrs[0].integer, attrs[1].integer};
    if (outs[0].dtype == 'L') SimpleMap<ClipInteger, erased::Natural, erased::Natural>::run("clip", {&outs[0], &ins[0]}, limits, stream);
    else SimpleMap<ClipInteger, erased::Integer, erased::Integer>::run("clip", {&outs[0], &ins[0]}, limits, stream);
}
GPUDL_FLOATS_2(clip_grad, " ; r r", ClipGrad{attrs[0].real, attrs[1].real})

}  // namespace gpudl
