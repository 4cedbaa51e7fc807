// Replaces rows by index (scatter_update), and its gradient: of rows that go to the same place the last one stays.
//
// A table in scratch memory holds, for as many places as fit, the last row that goes there; places beyond them are next. It is filled by
// atomicMax, whose result depends on no order. Then every row of the result is read from where it comes from, once:
//   words    a thread moves 16 bytes of a row
//   simple   a thread moves one element
// bytes moved per element: 2 item sizes; 8 per place and an index per row besides. Expected bound: memory bandwidth for rows from 128 bytes on.
#include <gpudl/layout.h>

#include "index.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256;
using Winner = unsigned long long;  // 1 + the number of the row; 0: none

inline unsigned blocks_for(int64_t n) { return unsigned((n + threads - 1) / threads); }

__global__ void __launch_bounds__(threads) clear_simple_kernel(Winner* winners, int64_t count) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < count) winners[i] = 0;
}

struct Indices {
    const void* data;
    char dtype;
    int64_t n, m;  // places, indices
};

// The table holds places first … first + count - 1.
__global__ void __launch_bounds__(threads) claim_simple_kernel(Winner* winners, Indices index, int64_t first, int64_t count) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i >= index.m) return;
    const int64_t at = key_at(index.data, index.dtype, i, index.n) - first;
    if (at >= 0 && at < count) atomicMax(winners + at, Winner(i + 1));
}

// Rows of `row` words. Forward: y = updates where there are such, else x. Backward: y = 0 there, else x; and updates' gradient from x.
struct Update {
    char *y, *to_updates;
    const char *x, *updates;
    Indices index;
    int64_t row;  // bytes, then words
    int item;
    bool backward;
    Divisor per_row;
};

template <class Word> __device__ __forceinline__ Word word_at(const char* from, int64_t i) {
    return load(reinterpret_cast<const Word*>(from) + i);
}
template <class Word> __device__ __forceinline__ void put_word(char* to, int64_t i, const Word& word) {
    store(reinterpret_cast<Word*>(to) + i, word);
}

template <class Word> __device__ __forceinline__ void update_word(const Update& p, const Winner* winners, int64_t first, int64_t count) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= count * p.row) return;
    const int64_t line = p.per_row.divide(j), column = j - line * p.row, i = first * p.row + j;
    const Winner winner = winners[line];
    if (winner == 0) put_word(p.y, i, word_at<Word>(p.x, i));
    else if (p.backward) put_word(p.y, i, Word{});
    else put_word(p.y, i, word_at<Word>(p.updates, int64_t(winner - 1) * p.row + column));
}

// What goes nowhere has its gradient, 0, from the first table.
template <class Word> __device__ __forceinline__ void grad_word(const Update& p, const Winner* winners, int64_t first, int64_t count) {
    const int64_t j = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (j >= p.index.m * p.row) return;
    const int64_t i = p.per_row.divide(j), column = j - i * p.row, key = key_at(p.index.data, p.index.dtype, i, p.index.n),
                  at = key - first;
    if (key == p.index.n) {
        if (first == 0) put_word(p.to_updates, j, Word{});
    } else if (at >= 0 && at < count) {
        put_word(p.to_updates, j, winners[at] == Winner(i + 1) ? word_at<Word>(p.x, key * p.row + column) : Word{});
    }
}

__global__ void __launch_bounds__(threads)
    update_words_kernel(const __grid_constant__ Update p, const Winner* winners, int64_t first, int64_t count) {
    update_word<Packet<uint32_t, 4>>(p, winners, first, count);
}
__global__ void __launch_bounds__(threads)
    update_grad_words_kernel(const __grid_constant__ Update p, const Winner* winners, int64_t first, int64_t count) {
    grad_word<Packet<uint32_t, 4>>(p, winners, first, count);
}
template <class Word> __global__ void __launch_bounds__(threads)
    update_simple_kernel(const __grid_constant__ Update p, const Winner* winners, int64_t first, int64_t count) {
    update_word<Packet<Word, 1>>(p, winners, first, count);
}
template <class Word> __global__ void __launch_bounds__(threads)
    update_grad_simple_kernel(const __grid_constant__ Update p, const Winner* winners, int64_t first, int64_t count) {
    grad_word<Packet<Word, 1>>(p, winners, first, count);
}

// `rows`, `grads`: the kernels for the words of `bytes`.
template <auto rows, auto grads> void launch_tables(Update p, int64_t bytes, Stream stream) {
    p.row /= bytes;
    p.per_row = Divisor(p.row > 0 ? p.row : 1);
    auto* winners = static_cast<Winner*>(scratch().data);
    const int64_t room = scratch().bytes / int64_t(sizeof(Winner));
    for (int64_t first = 0; first == 0 || first < p.index.n; first += room) {
        const int64_t count = p.index.n - first < room ? p.index.n - first : room;
        if (count > 0) launch<clear_simple_kernel>({blocks_for(count), threads, 0, stream}, winners, count);
        if (count > 0 && p.index.m > 0)
            launch<claim_simple_kernel>({blocks_for(p.index.m), threads, 0, stream}, winners, p.index, first, count);
        if (count > 0) launch<rows>({blocks_for(count * p.row), threads, 0, stream}, p, winners, first, count);
        if (p.backward && p.index.m > 0) launch<grads>({blocks_for(p.index.m * p.row), threads, 0, stream}, p, winners, first, count);
    }
}

void launch_words(const Update& p, Stream stream) { launch_tables<update_words_kernel, update_grad_words_kernel>(p, 16, stream); }

template <class Word> void launch_elements(const Update& p, Stream stream) {
    launch_tables<update_simple_kernel<Word>, update_grad_simple_kernel<Word>>(p, sizeof(Word), stream);
}
void launch_simple(const Update& p, Stream stream) {
    switch (p.item) {
        case 1: return launch_elements<uint8_t>(p, stream);
        case 2: return launch_elements<uint16_t>(p, stream);
        case 4: return launch_elements<uint32_t>(p, stream);
        default: return launch_elements<uint64_t>(p, stream);
    }
}

const char* no_words(const Update& p, const Device&) {
    if (p.row % 16 != 0) return "a row is no multiple of 16 bytes";
    for (const void* pointer : {static_cast<const void*>(p.y), static_cast<const void*>(p.x), static_cast<const void*>(p.updates),
                                static_cast<const void*>(p.to_updates)}) {
        if (reinterpret_cast<uintptr_t>(pointer) % 16 != 0) return "an operand is not aligned to 16 bytes";
    }
    return nullptr;
}

void update(const char* name, const TensorView& y, const TensorView& x, const TensorView* to_updates, const TensorView* updates,
            const TensorView& index, Stream stream) {
    static constexpr Candidate<Update> candidates[] = {{"words", Tier::simt, no_words, launch_words},
                                                       {"simple", Tier::simple, nullptr, launch_simple}};
    Update p = {};
    p.y = y.as<char>();
    p.x = x.as<const char>();
    p.to_updates = to_updates ? to_updates->as<char>() : nullptr;
    p.updates = updates ? updates->as<const char>() : nullptr;
    p.index = {index.data, index.dtype, y.shape[0], index.size()};
    p.item = int(itemsize(y.dtype));
    p.row = p.item;
    for (int d = 1; d < y.ndim; d++) p.row *= y.shape[d];
    p.backward = to_updates != nullptr;
    if (p.row > 0 && (p.index.n > 0 || p.backward)) dispatch(name, candidates, p, stream);
}

// x (n, …), rows (m…, …), index (m…).
bool rows_fit(const TensorView& x, const TensorView& rows, const TensorView& index) {
    if (x.ndim < 1 || rows.ndim != index.ndim + x.ndim - 1) return false;
    for (int d = 0; d < index.ndim; d++) {
        if (rows.shape[d] != index.shape[d]) return false;
    }
    for (int d = 1; d < x.ndim; d++) {
        if (rows.shape[index.ndim + d - 1] != x.shape[d]) return false;
    }
    return true;
}
bool update_fits(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && rows_fit(outs[0], ins[1], ins[2]);
}
bool grad_fits(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && rows_fit(outs[0], outs[1], ins[1]);
}

}  // namespace

GPUDL_KERNEL_WHEN(scatter_update, "* <- * * i | * <- * * l | * <- * * b | * <- * * B | * <- * * h | * <- * * H | * <- * * I | * <- * * L",
                  update_fits) {
    update("scatter_update", outs[0], ins[0], nullptr, &ins[1], ins[2], stream);
}

GPUDL_KERNEL_WHEN(scatter_update_grad,
                  "* * <- * i | * * <- * l | * * <- * b | * * <- * B | * * <- * h | * * <- * H | * * <- * I | * * <- * L", grad_fits) {
    update("scatter_update_grad", outs[0], ins[0], &outs[1], nullptr, ins[1], stream);
}

}  // namespace gpudl
