// Computes powers, quotients rounded down and their remainders on the GPU; threads and elements as elementwise.cuh says.
#include <gpudl/arithmetic.h>

#include "families.cuh"

namespace gpudl {

using elementwise::map_numbers;

GPUDL_KERNEL_WHEN(power, "* <- ~* ~*", broadcast_shapes<2>) { map_numbers<Power, true>("power", {}, stream, outs[0], ins[0], ins[1]); }
GPUDL_FLOATS_3(power_grad_base, "", PowerGradBase{})
GPUDL_FLOATS_3(power_grad_exponent, "", PowerGradExponent{})

GPUDL_KERNEL_WHEN(floor_divide, "* <- ~* ~*", broadcast_shapes<2>) {
    map_numbers<FloorDivide, true>("floor_divide", {}, stream, outs[0], ins[0], ins[1]);
}
GPUDL_KERNEL_WHEN(mod, "* <- ~* ~*", broadcast_shapes<2>) { map_numbers<Mod, true>("mod", {}, stream, outs[0], ins[0], ins[1]); }

}  // namespace gpudl
