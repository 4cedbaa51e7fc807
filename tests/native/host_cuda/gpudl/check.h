// Stands in for csrc/include/gpudl/check.h, so that a CUDA kernel without shared memory and barriers runs as plain C++: a launch is a loop.
// Catches wrong indices, tails and strides. (Kernels whose threads talk to each other need the emulation of a whole block.)
#pragma once
#include <gpudl/kernel.h>

#define __global__
#define __launch_bounds__(n)

namespace gpudl {

struct Index3 {
    unsigned x = 0, y = 0, z = 0;
};
inline Index3 blockIdx, threadIdx, gridDim, blockDim;

template <class... Parameters, class... Arguments>
void launch(void (*kernel)(Parameters...), unsigned blocks, unsigned threads, Stream, Arguments... arguments) {
    gridDim.x = blocks;
    blockDim.x = threads;
    for (blockIdx.x = 0; blockIdx.x < blocks; blockIdx.x++) {
        for (threadIdx.x = 0; threadIdx.x < threads; threadIdx.x++) kernel(static_cast<Parameters>(arguments)...);
    }
}

}  // namespace gpudl
