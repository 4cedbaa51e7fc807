// Overlaps a kernel with the one before it on the stream (programmatic dependent launch): `Launch::early` of platform.h lets a grid begin
// while its predecessor still runs, and such a kernel may touch global memory only behind `grid_wait`.
#pragma once
#include "ptx.cuh"

#ifdef GPUDL_SM90
namespace gpudl::ptx {

// Until the grids before this one are complete and what they wrote is visible. In the emulation grids run one after the other.
__device__ __forceinline__ void grid_wait() {
#ifndef GPUDL_EMULATE
    asm volatile("griddepcontrol.wait;" ::: "memory");
#endif
}

// The next grid may begin once every block has said so, or has ended.
__device__ __forceinline__ void grid_launch_next() {
#ifndef GPUDL_EMULATE
    asm volatile("griddepcontrol.launch_dependents;" ::: "memory");
#endif
}

}  // namespace gpudl::ptx
#endif
