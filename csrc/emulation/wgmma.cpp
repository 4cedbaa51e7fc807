// Emulates products of warpgroups (wgmma). They run at the wait, which is as late as they may read shared memory.
#include "instructions.h"
#include "operands.h"
#include "runtime.h"

namespace gpudl::emulation {
namespace {

struct GroupProduct {
    Operands kind;
    int n;
    float* d;
    uint64_t a, b;
    int accumulate, major_a, major_b;
    Where at;
};

// Byte address of element (row, k) of an operand described by a 64-bit descriptor. PTX ISA, "Strides" and "Canonical layouts" of wgmma.
uint32_t element(uint64_t descriptor, int row, int k, bool rows_contiguous) {
    const uint32_t start = uint32_t(descriptor & 0x3fff) << 4;
    const uint32_t leading = uint32_t(descriptor >> 16 & 0x3fff) << 4, stride = uint32_t(descriptor >> 32 & 0x3fff) << 4;
    const int mode = int(descriptor >> 62), span = mode == 1 ? 128 : mode == 2 ? 64 : mode == 3 ? 32 : 0;
    const auto r = uint32_t(row), depth = uint32_t(k);
    if (!span) {
        const uint32_t core = start + r / 8 * stride + depth / 8 * leading;
        return core + (rows_contiguous ? depth % 8 * 16 + r % 8 * 2 : r % 8 * 16 + depth % 8 * 2);
    }
    const auto bytes = uint32_t(span), wide = bytes / 2;
    const uint32_t plain = rows_contiguous ? start + r / wide * leading + depth / 8 * stride + depth % 8 * bytes + r % wide * 2
                                           : start + r / 8 * stride + r % 8 * bytes + depth * 2;
    return swizzled(plain, span);
}

struct Tiles {
    float a[64][16], b[16][256], c[64][256];
};

// Both operands lie in runs of 16 bytes, 8 elements, which are read and checked at a time.
template <class Put, class Readers>
void gather(const GroupProduct& p, unsigned char* memory, uint64_t descriptor, int rows, bool rows_contiguous, Put put, Readers readers) {
    for (int row = 0; row < rows; row += rows_contiguous ? 8 : 1) {
        for (int k = 0; k < 16; k += rows_contiguous ? 1 : 8) {
            const unsigned char* run = memory + element(descriptor, row, k, rows_contiguous);
            check_proxy(run, 16, "wgmma", p.at);
            readers(run, row);
            for (int i = 0; i < 8; i++) {
                uint16_t bits;
                std::memcpy(&bits, run + 2 * i, 2);
                put(rows_contiguous ? row + i : row, rows_contiguous ? k : k + i, half_of(bits, 0, p.kind));
            }
        }
    }
}

void execute(const GroupProduct& p, const std::array<float*, 128>& d, int first_thread, unsigned char* memory) {
    static Tiles tiles;  // one grid runs at a time
    Block& block = the_block;
    const auto read_by = [&](int warp, const unsigned char* run) {
        note_by(block.fibers[size_t(first_thread + 32 * warp)].get(), run, 16, Access::read, p.at);
    };
    gather(
        p, memory, p.a, 64, p.major_a, [&](int m, int k, float x) { tiles.a[m][k] = x; },
        [&](const unsigned char* run, int m) { read_by(m / 16, run); });
    gather(
        p, memory, p.b, p.n, p.major_b, [&](int n, int k, float x) { tiles.b[k][n] = x; },
        [&](const unsigned char* run, int) {
            for (int warp = 0; warp < 4; warp++) read_by(warp, run);
        });
    const auto accumulator = [&](int thread, int i) -> float& {
        return tiles.c[16 * (thread / 32) + thread % 32 / 4 + 8 * (i / 2 % 2)][8 * (i / 4) + 2 * (thread % 4) + i % 2];
    };
    for (int t = 0; t < 128; t++) {
        for (int i = 0; i < p.n / 2; i++) accumulator(t, i) = p.accumulate ? d[size_t(t)][i] : 0.0f;
    }
    for (int m = 0; m < 64; m++) {
        for (int k = 0; k < 16; k++) {
            for (int n = 0; n < p.n; n++) tiles.c[m][n] += tiles.a[m][k] * tiles.b[k][n];
        }
    }
    for (int t = 0; t < 128; t++) {
        for (int i = 0; i < p.n / 2; i++) d[size_t(t)][i] = accumulator(t, i);
    }
}

int first_thread() { return self()->id - self()->index % 128; }
WarpGroup& group() { return self()->block->groups[size_t(self()->group_id)]; }

void issue(void* const* operands) {
    const GroupProduct& first = *static_cast<const GroupProduct*>(operands[0]);
    Block& block = the_block;
    std::array<float*, 128> d;
    for (size_t i = 0; i < 128; i++) {
        const GroupProduct& p = *static_cast<const GroupProduct*>(operands[i]);
        d[i] = p.d;
        if (!block.fibers[size_t(first_thread()) + i]->wgmma_fenced)
            fail("wgmma with no wgmma.fence since the last wait: the registers may still be in other hands", first.at);
        if (p.a != first.a || p.b != first.b || p.accumulate != first.accumulate)
            fail("wgmma: the threads of the warpgroup give different operands", first.at);
    }
    group().open.push_back([p = first, d, thread = first_thread(), memory = self()->home->memory] { execute(p, d, thread, memory); });
}

void commit(void* const*) {
    group().committed.push_back(std::move(group().open));
    group().open.clear();
}

// The wait orders the lanes of each warp, not the warps of the group.
void wait(void* const* operands) {
    auto& committed = group().committed;
    const size_t pending = size_t(*static_cast<const int*>(operands[0]));
    while (committed.size() > pending) {
        const auto oldest = std::move(committed.front());
        committed.erase(committed.begin());
        for (const auto& product : oldest) product();
    }
    for (int warp = 0; warp < 4; warp++) {
        Fiber* lanes[32];
        for (int i = 0; i < 32; i++) {
            lanes[i] = the_block.fibers[size_t(first_thread() + 32 * warp + i)].get();
            lanes[i]->wgmma_fenced = false;
        }
        order_lanes(lanes, 0xffffffffu);
    }
}

}  // namespace

void wgmma_fence() { self()->wgmma_fenced = true; }

void wgmma(Operands kind, int n, float* d, uint64_t a, uint64_t b, int accumulate, int major_a, int major_b, Where at) {
    GroupProduct operand{kind, n, d, a, b, accumulate, major_a, major_b, at};
    warpgroup_collective("wgmma.mma_async", &operand, issue, at);
}

void wgmma_commit(Where at) { warpgroup_collective("wgmma.commit_group", nullptr, commit, at); }

void wgmma_wait(int pending, Where at) { warpgroup_collective("wgmma.wait_group", &pending, wait, at); }

}  // namespace gpudl::emulation
