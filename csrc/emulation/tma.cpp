// Emulates the copy engine. A load lands when the schedule says so and is counted by its mbarrier; a store reads its source as late as it may.
#include <gpudl/tensor_map.h>

#include <algorithm>

#include "instructions.h"
#include "memory_barriers.h"
#include "operands.h"
#include "runtime.h"

namespace gpudl::emulation {
namespace {

using Coordinates = std::array<int, 5>;

Coordinates copy_of(const int* coordinates, int rank) {
    Coordinates c{};
    std::copy_n(coordinates, rank, c.begin());
    return c;
}

// Calls row(number, its first byte in the array, or null outside of it) for each innermost row of a box.
template <class Row> void for_rows(const TensorMap& map, const Coordinates& c, Row row) {
    uint32_t rows = 1;
    for (int i = 1; i < map.rank; i++) rows *= map.box[i];
    for (uint32_t r = 0; r < rows; r++) {
        uint32_t rest = r;
        bool inside = true;
        int64_t offset = 0;
        for (int i = 1; i < map.rank; i++) {
            const int64_t index = int64_t(c[size_t(i)]) + rest % map.box[i];
            rest /= map.box[i];
            inside = inside && index >= 0 && uint64_t(index) < map.dims[i];
            offset += index * int64_t(map.strides[i]);
        }
        row(r, inside ? reinterpret_cast<unsigned char*>(map.base) + offset : nullptr);
    }
}

// One row of n elements from column x0 of an array's row (null: zeros) into shared memory at `to`, for the thread that issued the load.
void load_row(const TensorMap& map, Fiber* fiber, unsigned char* memory, uint32_t to, const unsigned char* from, int64_t x0, uint32_t n,
              Where at) {
    const int item = map.item();
    const int64_t low = std::max<int64_t>(x0, 0), high = std::min<int64_t>(x0 + n, int64_t(map.dims[0]));
    if (from && low < high) note_by(fiber, from + low * item, size_t(high - low) * size_t(item), Access::read, at);
    for (uint32_t i = 0; i < n; i++) {
        unsigned char* place = memory + swizzled(to + i * uint32_t(item), map.swizzle);
        const int64_t x = x0 + i;
        if (!from || x < low || x >= high) {
            std::memset(place, 0, size_t(item));
            continue;
        }
        std::memcpy(place, from + x * item, size_t(item));
        if (map.type == MapType::tf32) {  // believed: to nearest, ties away (a truth test asks the hardware)
            float value;
            std::memcpy(&value, place, 4);
            const uint32_t bits = round_to_tf32(value);
            std::memcpy(place, &bits, 4);
        }
    }
}

void check_place(const TensorMap& map, const void* place, Where at) {
    const uint32_t align = map.swizzle ? uint32_t(map.swizzle) * 8 : 128;
    if (shared_address(place) % align)
        fail("TMA: the shared address is not a multiple of " + std::to_string(align) + ", which the swizzle needs", at);
}

// The destination counts as written from the issue on; whoever waits on the mbarrier learns of it.
template <class Fill> void issue_load(void* to, const TensorMap& map, uint64_t* barrier, unsigned mask, Where at, Fill fill) {
    check_place(map, to, at);
    Fiber* fiber = self();
    Block& block = *fiber->block;
    if (mask >> block.blocks.size()) fail("TMA: a multicast to a block outside the cluster", at);
    const uint32_t bytes = map.bytes(), place = shared_address(to);
    const auto clocks = std::make_shared<Clocks>();  // filled below, when the writes are noted
    for (int rank = 0; rank < int(block.blocks.size()); rank++) {
        if (mask ? !(mask >> rank & 1) : rank != fiber->cluster_rank) continue;
        if (!find_barrier(barrier, at, rank).published)
            fail("mbarrier given to the copy engine with no fence.mbarrier_init after its init", at);
        note(in_block(barrier, rank), 8, Access::read, at);
        unsigned char* memory = block.memory + size_t(rank) * arena_bytes;
        const uint32_t counted_by = arena_offset(barrier, rank);
        note_by(fiber, memory + place, bytes, Access::write, at, true);
        std::memset(memory + place, 0xff, bytes);
        block.in_flight.push_back([=, &block] {
            if (!block.blocks[size_t(rank)].alive) {
                current = fiber;
                fail("a TMA load lands in a block that has returned", at);
            }
            fill(fiber, memory, place);
            MemoryBarrier& done = block.memory_barriers[counted_by];
            done.bytes -= int(bytes);
            done.arriving.resize(std::max(done.arriving.size(), clocks->size()), 0);
            for (size_t i = 0; i < clocks->size(); i++) done.arriving[i] = std::max(done.arriving[i], (*clocks)[i]);
            settle(done);
        });
    }
    release_to(fiber, *clocks);
}

void check_map(const TensorMap& map, int rank, bool im2col, Where at) {
    if (map.rank != rank || bool(map.im2col) != im2col)
        fail("TMA: the tensor map has rank " + std::to_string(map.rank) + (map.im2col ? " and is for im2col" : "") +
                 ", the instruction wants rank " + std::to_string(rank) + (im2col ? " for im2col" : ""),
             at);
}

}  // namespace

void tma_load(void* to, const TensorMap* from, uint64_t* barrier, const int* coordinates, int rank, unsigned mask, Where at) {
    check_map(*from, rank, false, at);
    const TensorMap map = *from;
    const Coordinates c = copy_of(coordinates, rank);
    issue_load(to, map, barrier, mask, at, [=](Fiber* fiber, unsigned char* memory, uint32_t place) {
        for_rows(map, c, [&](uint32_t r, const unsigned char* row) {
            load_row(map, fiber, memory, place + r * map.box[0] * uint32_t(map.item()), row, c[0], map.box[0], at);
        });
    });
}

// Pixels follow each other along w, then h, then n within the box between the corners; each is read at its place plus the offsets.
void tma_load_im2col(void* to, const TensorMap* from, uint64_t* barrier, const int* coordinates, int offset_w, int offset_h, Where at) {
    check_map(*from, 4, true, at);
    if (offset_w < 0 || offset_w > 255 || offset_h < 0 || offset_h > 255) fail("TMA: offsets of im2col are 0 to 255", at);
    const TensorMap map = *from;
    const Coordinates c = copy_of(coordinates, 4);
    const int end_w = int(map.dims[1]) + map.upper[0], end_h = int(map.dims[2]) + map.upper[1];
    if (c[3] < int(map.dims[3]) && (c[1] < map.lower[0] || c[1] >= end_w || c[2] < map.lower[1] || c[2] >= end_h))
        fail("TMA: the first pixel of im2col lies outside its box", at);
    issue_load(to, map, barrier, 0, at, [=](Fiber* fiber, unsigned char* memory, uint32_t place) {
        int w = c[1], h = c[2], n = c[3];
        for (uint32_t pixel = 0; pixel < map.pixels; pixel++) {
            const int64_t x = w + offset_w, y = h + offset_h;
            const bool inside =
                x >= 0 && y >= 0 && n >= 0 && uint64_t(x) < map.dims[1] && uint64_t(y) < map.dims[2] && uint64_t(n) < map.dims[3];
            const int64_t offset = x * int64_t(map.strides[1]) + y * int64_t(map.strides[2]) + n * int64_t(map.strides[3]);
            load_row(map, fiber, memory, place + pixel * map.channels * uint32_t(map.item()),
                     inside ? reinterpret_cast<const unsigned char*>(map.base) + offset : nullptr, c[0], map.channels, at);
            if ((w += int(map.step[1])) < end_w) continue;
            w = map.lower[0];
            if ((h += int(map.step[2])) < end_h) continue;
            h = map.lower[1];
            n++;
        }
    });
}

void tma_store(const TensorMap* to, const void* from, const int* coordinates, int rank, Where at) {
    check_map(*to, rank, false, at);
    check_place(*to, from, at);
    const TensorMap map = *to;
    const Coordinates c = copy_of(coordinates, rank);
    Fiber* fiber = self();
    unsigned char* memory = fiber->home->memory;
    const uint32_t place = shared_address(from), bytes = map.bytes();
    check_proxy(memory + place, bytes, "a TMA store", at);
    const auto data = std::make_shared<std::vector<unsigned char>>(bytes);
    BulkStore store;
    store.read = [=] {
        note_by(fiber, memory + place, bytes, Access::read, at);
        for (uint32_t i = 0; i < bytes; i++) (*data)[i] = memory[swizzled(place + i, map.swizzle)];
    };
    store.write = [=] {
        const auto item = size_t(map.item());
        const int64_t low = std::max(c[0], 0), high = std::min<int64_t>(int64_t(c[0]) + map.box[0], int64_t(map.dims[0]));
        for_rows(map, c, [&](uint32_t r, unsigned char* row) {
            if (!row || low >= high) return;
            note_by(fiber, row + size_t(low) * item, size_t(high - low) * item, Access::write, at);
            std::memcpy(row + size_t(low) * item, data->data() + (size_t(r) * map.box[0] + size_t(low - c[0])) * item,
                        size_t(high - low) * item);
        });
    };
    const Arrival when = schedule().copies;
    if (when == Arrival::late) note_by(fiber, memory + place, bytes, Access::read, at);
    if (when == Arrival::early || (when == Arrival::random && draw(fiber->block->random) % 2)) {
        store.read();
        store.was_read = true;
        if (when == Arrival::early) {
            store.write();
            store.written = true;
        }
    }
    store.done_reading = [=] { mark_shared(memory + place, bytes, Byte::written); };
    mark_shared(memory + place, bytes, Byte::leaving);
    fiber->open_stores.push_back(std::move(store));
}

void tma_commit(Where) {
    Fiber* fiber = self();
    fiber->store_groups.push_back(std::move(fiber->open_stores));
    fiber->open_stores.clear();
}

void tma_wait(int pending, bool read_only, Where) {
    auto& groups = self()->store_groups;
    if (groups.size() <= size_t(pending)) return;
    const auto done = groups.end() - pending;
    for (auto group = groups.begin(); group != done; ++group) {
        for (BulkStore& store : *group) {
            if (!store.was_read) store.read();
            store.was_read = store.waited_for = true;
            store.done_reading();
            if (!read_only && !store.written) store.write();
            store.written = store.written || !read_only;
        }
    }
    if (!read_only) groups.erase(groups.begin(), done);
}

}  // namespace gpudl::emulation
