// Shares the tiles of recurrent kernels: a block takes 32 sequences and 32 units, a thread one unit of 4 sequences. States lie in scratch
// memory, for as many sequences at a time as fit.
#pragma once
#include <gpudl/platform.h>
#include <gpudl/recurrent.h>

namespace gpudl {
namespace recurrent {

constexpr int threads = 256, rows = 32, columns = 32, each = 4;
static_assert(rows == threads / columns * each, "a block's threads cover its rows");

inline unsigned blocks_for(int64_t n, int64_t by) { return unsigned((n + by - 1) / by); }

inline dim3 tiles_of(int64_t sequences, int64_t units) { return dim3(blocks_for(units, columns), blocks_for(sequences, rows)); }

// How many sequences fit into scratch memory, by `numbers` of `item` bytes each.
inline int64_t sequences_at_once(int64_t numbers, int64_t item) {
    const int64_t fit = numbers > 0 ? scratch().bytes / (numbers * item) : 1, most = int64_t(65535) * rows;  // of one launch
    return fit < most ? fit : most;
}

// States from the first ones; 0 if there are none.
template <class T, class C> __global__ void __launch_bounds__(threads) first_state_kernel(C* to, const T* from, int64_t size) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < size) to[i] = from ? C(wide(from[i])) : C(0);
}

struct Operands {
    const TensorView *outs, *ins;
    bool with_cells;
};

inline bool is_shape(const TensorView& x, int64_t a, int64_t b, int64_t c = -1) {
    return x.ndim == (c < 0 ? 2 : 3) && x.shape[0] == a && x.shape[1] == b && (c < 0 || x.shape[2] == c);
}

}  // namespace recurrent
}  // namespace gpudl
