// Gathers rows: mini-batches from resident data (gather_rows) and back (scatter_rows_), entries along an axis (take, scatter_grad).
//
// words    a thread moves 16 bytes of a row; neighbours move neighbouring words
// simple   a thread moves one element
// bytes moved per element: 2 item sizes, and an index per row. Expected bound: memory bandwidth for rows from 128 bytes on, else latency.
#include <gpudl/layout.h>

#include "index.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256;

inline unsigned blocks_for(int64_t n) { return unsigned((n + threads - 1) / threads); }

// Rows of `row` words: y[a, i, :] = x[a, index[i], :] for a < before, i < m, out of `n`; out of range: `otherwise`.
struct Rows {
    char* y;
    const char* x;
    const void* index;
    char dtype;             // of the index
    const int64_t* cursor;  // not null: index[*cursor + i], and out of range means the nearest row
    int64_t entries;        // of the index
    int64_t n, m, row, words;
    Divisor per_row, per_index;
    uint64_t otherwise;  // bits of one element
    int item;            // bytes of one element
};

// Where word j of y comes from; -1: from nowhere.
__device__ __forceinline__ int64_t source(const Rows& p, int64_t j) {
    const int64_t line = p.per_row.divide(j), column = j - line * p.row;
    const int64_t a = p.per_index.divide(line), i = line - a * p.m;
    if (p.cursor) {
        int64_t place = *p.cursor + i;
        place = place < 0 ? 0 : place >= p.entries ? p.entries - 1 : place;
        int64_t at = index_at(p.index, p.dtype, place);
        at = at < 0 ? 0 : at >= p.n ? p.n - 1 : at;
        return at * p.row + column;
    }
    int64_t at = index_at(p.index, p.dtype, i);
    if (at < 0) at += p.n;
    return at < 0 || at >= p.n ? -1 : (a * p.n + at) * p.row + column;
}

__global__ void __launch_bounds__(threads) gather_words_kernel(const __grid_constant__ Rows p) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= p.words) return;
    const int64_t from = source(p, j);
    uint4 word;
    if (from >= 0) {
        word = load(reinterpret_cast<const uint4*>(p.x) + from);
    } else {
        uint64_t bits = p.otherwise;  // fill 8 bytes with elements
        for (int bytes = p.item; bytes < 8; bytes *= 2) bits |= bits << (8 * bytes);
        word.x = word.z = uint32_t(bits);
        word.y = word.w = uint32_t(bits >> 32);
    }
    store(reinterpret_cast<uint4*>(p.y) + j, word);
}

template <class Word> __global__ void __launch_bounds__(threads) gather_simple_kernel(const __grid_constant__ Rows p) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= p.words) return;
    const int64_t from = source(p, j);
    reinterpret_cast<Word*>(p.y)[j] = from >= 0 ? reinterpret_cast<const Word*>(p.x)[from] : Word(p.otherwise);
}

inline bool aligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 == 0; }

const char* no_words(const Rows& p, const Device&) {
    if (p.row * p.item % 16 != 0) return "a row is no multiple of 16 bytes";
    return aligned(p.x) && aligned(p.y) ? nullptr : "an operand is not aligned to 16 bytes";
}

// Counts rows in words of so many bytes.
Rows in_words(Rows p, int64_t bytes) {
    p.row = p.row * p.item / bytes;
    p.words = p.words * p.item / bytes;
    p.per_row = Divisor(p.row);
    p.per_index = Divisor(p.m);
    return p;
}

void launch_words(const Rows& p, Stream stream) {
    const Rows seen = in_words(p, 16);
    launch<gather_words_kernel>({blocks_for(seen.words), threads, 0, stream}, seen);
}

void launch_simple(const Rows& p, Stream stream) {
    const Rows seen = in_words(p, p.item);
    const Launch how{blocks_for(seen.words), threads, 0, stream};
    switch (p.item) {
        case 1: return launch<gather_simple_kernel<uint8_t>>(how, seen);
        case 2: return launch<gather_simple_kernel<uint16_t>>(how, seen);
        case 4: return launch<gather_simple_kernel<uint32_t>>(how, seen);
        default: return launch<gather_simple_kernel<uint64_t>>(how, seen);
    }
}

void gather(const char* name, const Rows& p, Stream stream) {
    static constexpr Candidate<Rows> candidates[] = {{"words", Tier::simt, no_words, launch_words},
                                                     {"simple", Tier::simple, nullptr, launch_simple}};
    if (p.words > 0) dispatch(name, candidates, p, stream);
}

uint64_t nan_of(char dtype) {
    switch (dtype) {
        case 'e': return 0x7e00;
        case 'E': return 0x7fc0;
        case 'f': return 0x7fc00000;
        case 'd': return 0x7ff8000000000000;
        default: return 0;
    }
}

// attrs: the axis, then the shape of x.
void take(const char* name, const TensorView& y, const TensorView& x, const TensorView& index, const Scalar* attrs, uint64_t otherwise,
          Stream stream) {
    const int axis = int(attrs[0].integer), ndim = count_attrs(attrs) - 1;
    int64_t after = 1;
    for (int d = axis + 1; d < ndim; d++) after *= attrs[1 + d].integer;
    Rows p{};
    p.y = y.as<char>();
    p.x = x.as<const char>();
    p.index = index.data;
    p.dtype = index.dtype;
    p.n = attrs[1 + axis].integer;
    p.m = p.entries = index.size();
    p.row = after;
    p.words = y.size();
    p.item = int(itemsize(y.dtype));
    p.otherwise = otherwise;
    gather(name, p, stream);
}

// result[cursor + i] = rows[i], as far as there are such rows: element by element, for results are small.
template <class Word> __global__ void __launch_bounds__(threads)
    scatter_rows_simple_kernel(Word* result, const Word* rows, const int64_t* cursor, int64_t row, int64_t count, int64_t room) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= count) return;
    const int64_t to = *cursor * row + j;
    if (to >= 0 && to < room) result[to] = rows[j];
}

__global__ void advance_counter_simple_kernel(int64_t* counter, int64_t by) {
    if (threadIdx.x == 0) *counter += by;
}

bool one_cursor(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return ins[2].size() == 1 && ins[0].ndim > 0 && ins[1].ndim == 1 && outs[0].ndim > 0 && outs[0].shape[0] == attrs[0].integer;
}

bool one_counter(const TensorView* outs, const TensorView*, const Scalar*) { return outs[0].size() == 1; }

bool whole_rows(const TensorView* outs, const TensorView* ins, const Scalar*) {
    if (ins[1].size() != 1 || outs[0].ndim == 0 || outs[0].ndim != ins[0].ndim) return false;
    for (int d = 1; d < outs[0].ndim; d++) {
        if (outs[0].shape[d] != ins[0].shape[d]) return false;
    }
    return true;
}

}  // namespace

GPUDL_KERNEL_WHEN(gather_rows, "* <- * l l ; i", one_cursor) {
    Rows p{};
    p.y = outs[0].as<char>();
    p.x = ins[0].as<const char>();
    p.index = ins[1].data;
    p.dtype = 'l';
    p.cursor = ins[2].as<const int64_t>();
    p.entries = ins[1].size();
    p.n = ins[0].shape[0];
    p.m = outs[0].shape[0];
    p.words = outs[0].size();
    p.row = p.m > 0 ? p.words / p.m : 0;
    p.item = int(itemsize(outs[0].dtype));
    gather("gather_rows", p, stream);
}

GPUDL_KERNEL_WHEN(scatter_rows_, "* <- * l", whole_rows) {
    const int64_t count = ins[0].size(), room = outs[0].size();
    if (count == 0) return;
    const int64_t row = count / ins[0].shape[0];
    const Launch how{blocks_for(count), threads, 0, stream};
    const auto* cursor = ins[1].as<const int64_t>();
    switch (itemsize(outs[0].dtype)) {
        case 1:
            return launch<scatter_rows_simple_kernel<uint8_t>>(how, outs[0].as<uint8_t>(), ins[0].as<uint8_t>(), cursor, row, count, room);
        case 2:
            return launch<scatter_rows_simple_kernel<uint16_t>>(how, outs[0].as<uint16_t>(), ins[0].as<uint16_t>(), cursor, row, count,
                                                                room);
        case 4:
            return launch<scatter_rows_simple_kernel<uint32_t>>(how, outs[0].as<uint32_t>(), ins[0].as<uint32_t>(), cursor, row, count,
                                                                room);
        default:
            return launch<scatter_rows_simple_kernel<uint64_t>>(how, outs[0].as<uint64_t>(), ins[0].as<uint64_t>(), cursor, row, count,
                                                                room);
    }
}

GPUDL_KERNEL_WHEN(advance_, "l <- ; i", one_counter) {
    launch<advance_counter_simple_kernel>({1, 32, 0, stream}, outs[0].as<int64_t>(), attrs[0].integer);
}

#define GPUDL_BY_INDEX                                                                                                                     \
    "* <- * i ; i i* | * <- * l ; i i* | * <- * b ; i i* | * <- * B ; i i* | * <- * h ; i i* | * <- * H ; i i* | * <- * I ; i i* | "       \
    "* <- * L ; i i*"

GPUDL_KERNEL(take, GPUDL_BY_INDEX) { take("take", outs[0], ins[0], ins[1], attrs, nan_of(outs[0].dtype), stream); }

GPUDL_KERNEL(scatter_grad, GPUDL_BY_INDEX) { take("scatter_grad", outs[0], ins[0], ins[1], attrs, 0, stream); }

}  // namespace gpudl
