// Lays out the shared memory of each block: [1 KiB | dynamic | redzone | static array | redzone | …], all of it NaN (0xff) at the start.
#include <sys/mman.h>

#include <algorithm>
#include <cstring>

#include "runtime.h"

namespace gpudl::emulation {
namespace {

// Zeroed pages that take no memory until they are touched.
void* map(size_t bytes) {
    void* memory = mmap(nullptr, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) throw std::bad_alloc();
    return memory;
}

// Only what the block before used: clearing whole arenas would cost more than most kernels.
void clear_shadow(Block& block, size_t start, size_t used) {
    std::memset(block.bytes + start, int(Byte::redzone), used);
    std::memset(block.split + start / 4, 0, used / 4);
    for (size_t i = 0; i < used; i += 4) block.cells[start + i] = Cell{};
}

void allow(Block& block, size_t start, size_t bytes) { std::memset(block.bytes + start, int(Byte::unwritten), bytes); }

size_t round_up(size_t n, size_t to) { return (n + to - 1) / to * to; }

}  // namespace

void prepare_shared(Block& block) {
    if (!block.memory) block.memory = static_cast<unsigned char*>(map(arena_bytes * max_cluster));  // page-aligned
    if (block.checked && !block.cells) {
        block.bytes = static_cast<Byte*>(map(arena_bytes * max_cluster));
        block.split = static_cast<bool*>(map(arena_bytes * max_cluster / 4));
        block.cells = static_cast<Cell*>(map(arena_bytes * max_cluster * sizeof(Cell)));
    }
    for (size_t rank = 0; rank < block.blocks.size(); rank++) {
        BlockOfCluster& home = block.blocks[rank];
        const size_t start = rank * arena_bytes;
        home.rank = int(rank);
        home.alive = block.threads_per_block;
        home.memory = block.memory + start;
        home.used = round_up(dynamic_offset + block.dynamic_shared + redzone, 16);
        std::memset(home.memory, 0xff, home.used);
        if (block.checked) {
            clear_shadow(block, start, std::max(home.used, block.dirty[rank]));
            allow(block, start + dynamic_offset, block.dynamic_shared);
        }
        block.dirty[rank] = home.used;
    }
}

void* static_shared(const void* key, const char* name, size_t bytes, size_t align) {
    Block& block = *self()->block;
    BlockOfCluster& home = *self()->home;
    size_t total = bytes;
    for (const StaticArray& array : home.arrays) {
        if (array.key == key) return home.memory + array.offset;
        total += array.bytes;
    }
    const size_t offset = round_up(home.used, std::max<size_t>(align, 16)), end = round_up(offset + bytes + redzone, 16);
    if (total > static_limit || total + block.dynamic_shared > shared_limit || end > arena_bytes)
        fail("too much shared memory: " + std::to_string(total) + " bytes of static arrays ('" + name + "' is the last) and " +
                 std::to_string(block.dynamic_shared) + " dynamic; a block has at most " + std::to_string(static_limit) + " static and " +
                 std::to_string(shared_limit) + " in all",
             Where("", 0));
    std::memset(home.memory + home.used, 0xff, end - home.used);
    home.used = end;
    home.arrays.push_back({key, name, offset, bytes});
    size_t& dirty = block.dirty[home.rank];
    const size_t start = size_t(home.rank) * arena_bytes;
    dirty = std::max(dirty, end);
    if (block.checked) allow(block, start + offset, bytes);
    return home.memory + offset;
}

void* dynamic_shared() { return self()->home->memory + dynamic_offset; }

uint32_t shared_address(const void* pointer) {
    const uintptr_t offset = reinterpret_cast<uintptr_t>(pointer) - reinterpret_cast<uintptr_t>(self()->home->memory);
    if (offset >= arena_bytes)
        fail("an instruction for shared memory was given an address outside this block's shared memory", Where("", 0));
    return uint32_t(offset);
}

uint32_t arena_offset(const void* pointer, int rank) {
    const uint32_t address = shared_address(pointer);
    const int blocks = int(self()->block->blocks.size());
    if (rank >= blocks) fail("there is no block " + std::to_string(rank) + " in a cluster of " + std::to_string(blocks), Where("", 0));
    return address + uint32_t((rank < 0 ? self()->cluster_rank : rank) * int(arena_bytes));
}

unsigned char* shared_pointer(uint32_t address) { return self()->home->memory + address; }

}  // namespace gpudl::emulation
