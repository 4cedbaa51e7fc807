// Keeps the lower or the upper triangle of matrices (tril, triu): the rest becomes 0. Bits are moved as they are, whatever the dtype.
//
// packets  a thread writes 16 bytes; it reads them only if something of them stays
// simple   a thread writes one element
// bytes moved per element: the item size, and again where it stays. expected bound: memory bandwidth.
#include <gpudl/layout.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace {

constexpr int threads = 256;

// Element (r, c) stays if c - r <= k (lower), or c - r >= k.
struct Triangle {
    char* y;
    const char* x;
    int64_t size, rows, columns, k;
    Divisor by_columns, by_rows;
    bool lower;
    int item;

    // Row and column of element i.
    GPUDL_HOST_DEVICE void place(int64_t i, int64_t& row, int64_t& column) const {
        const int64_t line = by_columns.divide(i);
        column = i - line * columns;
        row = line - by_rows.divide(line) * rows;
    }
    GPUDL_HOST_DEVICE bool stays(int64_t row, int64_t column) const { return lower ? column - row <= k : column - row >= k; }
};

template <class Word> __global__ void __launch_bounds__(threads) triangle_simple_kernel(const __grid_constant__ Triangle p) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= p.size) return;
    int64_t row, column;
    p.place(i, row, column);
    reinterpret_cast<Word*>(p.y)[i] = p.stays(row, column) ? reinterpret_cast<const Word*>(p.x)[i] : Word(0);
}

template <class Word> __global__ void __launch_bounds__(threads) triangle_packets_kernel(const __grid_constant__ Triangle p) {
    constexpr int width = 16 / sizeof(Word);
    using P = Packet<Word, width>;
    const int64_t packets = p.size / width, i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < packets) {
        int64_t row, column;
        p.place(i * width, row, column);
        bool stays[width], some = false;
#pragma unroll
        for (int lane = 0; lane < width; lane++) {
            stays[lane] = p.stays(row, column);
            some |= stays[lane];
            if (++column == p.columns) {
                column = 0;
                if (++row == p.rows) row = 0;
            }
        }
        P packet = {};
        if (some) packet = load(reinterpret_cast<const P*>(p.x) + i);
#pragma unroll
        for (int lane = 0; lane < width; lane++) packet.item[lane] = stays[lane] ? packet.item[lane] : Word(0);
        store(reinterpret_cast<P*>(p.y) + i, packet);
    }
    const int64_t last = packets * width + threadIdx.x;  // an element behind the packets
    if (blockIdx.x == 0 && last < p.size) {
        int64_t row, column;
        p.place(last, row, column);
        reinterpret_cast<Word*>(p.y)[last] = p.stays(row, column) ? reinterpret_cast<const Word*>(p.x)[last] : Word(0);
    }
}

inline unsigned blocks_for(int64_t n) { return unsigned(n < 1 ? 1 : (n + threads - 1) / threads); }

const char* no_packets(const Triangle& p, const Device&) {
    const bool aligned = (reinterpret_cast<uintptr_t>(p.x) | reinterpret_cast<uintptr_t>(p.y)) % 16 == 0;
    return aligned ? nullptr : "an operand is not aligned to 16 bytes";
}

template <class F> void for_word(int item, F f) {
    switch (item) {
        case 1: return f(uint8_t{});
        case 2: return f(uint16_t{});
        case 4: return f(uint32_t{});
        default: return f(uint64_t{});
    }
}

void launch_packets(const Triangle& p, Stream stream) {
    for_word(p.item, [&](auto zero) {
        launch<triangle_packets_kernel<decltype(zero)>>({blocks_for(p.size * p.item / 16), threads, 0, stream}, p);
    });
}
void launch_simple(const Triangle& p, Stream stream) {
    for_word(p.item, [&](auto zero) { launch<triangle_simple_kernel<decltype(zero)>>({blocks_for(p.size), threads, 0, stream}, p); });
}

void triangle(const char* name, const TensorView& y, const TensorView& x, int64_t k, bool lower, Stream stream) {
    static constexpr Candidate<Triangle> candidates[] = {{"packets", Tier::simt, no_packets, launch_packets},
                                                         {"simple", Tier::simple, nullptr, launch_simple}};
    const int64_t rows = y.shape[y.ndim - 2], columns = y.shape[y.ndim - 1];
    if (y.size() == 0) return;
    k = k < -rows ? -rows : k > columns ? columns : k;  // no sum of it with a row may overflow
    dispatch(name, candidates,
             Triangle{y.as<char>(), x.as<const char>(), y.size(), rows, columns, k, Divisor(columns), Divisor(rows), lower,
                      int(itemsize(y.dtype))},
             stream);
}

bool matrices(const TensorView* outs, const TensorView* ins, const Scalar*) { return outs[0].ndim >= 2 && same_shape(outs[0], ins[0]); }

}  // namespace

GPUDL_KERNEL_WHEN(tril, "* <- * ; i", matrices) { triangle("tril", outs[0], ins[0], attrs[0].integer, true, stream); }
GPUDL_KERNEL_WHEN(triu, "* <- * ; i", matrices) { triangle("triu", outs[0], ins[0], attrs[0].integer, false, stream); }

}  // namespace gpudl
