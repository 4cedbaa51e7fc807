// Emulates mbarriers and the fences about them. A phase is complete when no arrival and no byte is missing; then its parity flips.
#include "instructions.h"
#include "memory_barriers.h"

namespace gpudl::emulation {

MemoryBarrier& find_barrier(uint64_t* barrier, Where at, int rank) {
    if (shared_address(barrier) % 8) fail("mbarrier: its address is not a multiple of 8", at);
    auto& known = self()->block->memory_barriers;
    const auto found = known.find(arena_offset(barrier, rank));
    if (found == known.end()) fail("mbarrier used before mbarrier.init", at);
    return found->second;
}

void settle(MemoryBarrier& barrier) {
    if (barrier.pending || barrier.bytes) return;
    barrier.phase ^= 1;
    barrier.pending = barrier.expected;
    barrier.completed = barrier.arriving;
    the_block.progress = true;
}

uint64_t* in_block(uint64_t* own, int rank) { return reinterpret_cast<uint64_t*>(the_block.memory + arena_offset(own, rank)); }

void mbarrier_init(uint64_t* barrier, int count, Where at) {
    if (count < 1 || count >= 1 << 20) fail("mbarrier.init: a count of " + std::to_string(count) + "; it is 1 to 1048575", at);
    if (shared_address(barrier) % 8) fail("mbarrier: its address is not a multiple of 8", at);
    note(barrier, 8, Access::write, at);
    MemoryBarrier made;
    made.expected = made.pending = count;
    made.owner = self()->id;
    self()->block->memory_barriers[arena_offset(barrier)] = made;
    self()->block->progress = true;
}

void mbarrier_arrive(uint64_t* barrier, int bytes, Where at) {
    MemoryBarrier& found = find_barrier(barrier, at);
    note(barrier, 8, Access::read, at);
    if (found.pending < 1) fail("mbarrier: more arrivals in one phase than it expects", at);
    found.bytes += bytes;
    found.pending--;
    release_to(self(), found.arriving);
    settle(found);
}

void mbarrier_arrive_at(uint64_t* own, int rank, Where at) {
    MemoryBarrier& found = find_barrier(own, at, rank);
    if (!self()->block->blocks[size_t(rank)].alive) fail("arrival at an mbarrier of a block that has returned", at);
    if (!found.published) fail("mbarrier of another block used with no fence.mbarrier_init after its init", at);
    note(in_block(own, rank), 8, Access::read, at);
    if (found.pending < 1) fail("mbarrier: more arrivals in one phase than it expects", at);
    found.pending--;
    release_to(self(), found.arriving);
    settle(found);
}

void mbarrier_wait(uint64_t* barrier, unsigned parity, Where at) {
    while (true) {
        MemoryBarrier& found = find_barrier(barrier, at);
        note(barrier, 8, Access::read, at);
        if (found.phase != (parity & 1)) {  // the phase of that parity is over
            acquire_from(self(), found.completed);
            return;
        }
        yield("an mbarrier's wait", at);
    }
}

void fence_barrier_init() {
    for (auto& [offset, barrier] : self()->block->memory_barriers) {
        if (barrier.owner == self()->id) barrier.published = true;
    }
}

void fence_proxy_async() { self()->proxy_fence = self()->clock++; }

}  // namespace gpudl::emulation
