// What the copy engine needs of mbarriers.
#pragma once
#include "runtime.h"

namespace gpudl::emulation {

MemoryBarrier& find_barrier(uint64_t* barrier, Where at, int rank = -1);  // as seen by the calling thread; fails if there is none
void settle(MemoryBarrier& barrier);                                      // after an arrival or landed bytes
uint64_t* in_block(uint64_t* own, int rank);                              // the same place in another block of the cluster

}  // namespace gpudl::emulation
