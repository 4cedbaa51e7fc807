// Adds, subtracts, multiplies, divides, and takes signs and squares on the GPU; threads and elements as elementwise.cuh says.
#include <gpudl/arithmetic.h>
#include <gpudl/mathematics.h>

#include "families.cuh"

namespace gpudl {

using elementwise::map_numbers;

GPUDL_KERNEL_WHEN(add, "* <- ~* ~*", broadcast_shapes<2>) { map_numbers("add", Add{}, stream, outs[0], ins[0], ins[1]); }
GPUDL_KERNEL_WHEN(add_, "* <- ~*", broadcast_shapes<1>) { map_numbers("add_", Add{}, stream, outs[0], outs[0], ins[0]); }
GPUDL_KERNEL_WHEN(subtract, "* <- ~* ~*", broadcast_shapes<2>) { map_numbers("subtract", Subtract{}, stream, outs[0], ins[0], ins[1]); }
GPUDL_KERNEL_WHEN(multiply, "* <- ~* ~*", broadcast_shapes<2>) { map_numbers("multiply", Multiply{}, stream, outs[0], ins[0], ins[1]); }
GPUDL_FLOATS_2(divide, "", Divide{})
GPUDL_KERNEL_WHEN(negative, "* <- ~*", broadcast_shapes<1>) { map_numbers("negative", Negative{}, stream, outs[0], ins[0]); }
GPUDL_KERNEL_WHEN(absolute, "* <- ~*", broadcast_shapes<1>) { map_numbers<Absolute, true>("absolute", {}, stream, outs[0], ins[0]); }
GPUDL_FLOATS_2(absolute_grad, "", AbsoluteGrad{})
GPUDL_KERNEL_WHEN(sign, "* <- ~*", broadcast_shapes<1>) { map_numbers<Sign, true>("sign", {}, stream, outs[0], ins[0]); }
GPUDL_KERNEL_WHEN(square, "* <- ~*", broadcast_shapes<1>) { map_numbers("square", Square{}, stream, outs[0], ins[0]); }
GPUDL_FLOATS_2(square_grad, "", SquareGrad{})

}  // namespace gpudl
