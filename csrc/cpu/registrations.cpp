// Hands out the kernels that were compiled for this instruction set.
#include <gpudl/kernel.h>

#define GPUDL_JOIN(a, b) a##b
#define GPUDL_LIST_OF(isa) GPUDL_JOIN(gpudl_cpu_kernels_, isa)

extern "C" const void* GPUDL_LIST_OF(GPUDL_ISA)() { return gpudl::Registration::first(); }
