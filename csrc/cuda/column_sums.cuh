// Sums columns, the last step of a gradient of a bias: of what tile cores left in scratch memory, or of a finished y.
//
// thread ↔ element: 32 neighbouring columns a block, 8 lanes a column that take every eighth row and are joined in order. No thread adds
// more than 64 numbers one after another. bytes moved per element: its size, once. expected bound: memory bandwidth.
#pragma once
#include <algorithm>

#include <gpudl/platform.h>

#include "matmul.h"

namespace gpudl {

constexpr int sums_columns = 32, sums_lanes = 8;

// Block (x, y) sums rows [y slice, (y + 1) slice) of columns from 32 x. Writes To, a row for each y.
template <class From, class To, class C> __global__ void __launch_bounds__(sums_columns* sums_lanes)
    column_sums_kernel(To* to, const From* from, int64_t rows, int64_t columns, int64_t slice) {
    GPUDL_SHARED_ARRAY(C, held, [sums_lanes][sums_columns]);
    const int at = int(threadIdx.x) % sums_columns, lane = int(threadIdx.x) / sums_columns;
    const int64_t end = min((int64_t(blockIdx.y) + 1) * slice, rows);
    for (int64_t first = int64_t(blockIdx.x) * sums_columns; first < columns; first += int64_t(gridDim.x) * sums_columns) {
        const int64_t column = first + at;
        C total = C(0), part = C(0);
        int parts = 0;
        if (column < columns) {
            for (int64_t row = int64_t(blockIdx.y) * slice + lane; row < end; row += sums_lanes) {
                part += wide(from[row * columns + column]);
                if (++parts % 64 == 0) {
                    total += part;
                    part = C(0);
                }
            }
        }
        held[lane][at] = total + part;
        __syncthreads();
        if (lane == 0 && column < columns) {
            C sum = held[0][at];
            for (int i = 1; i < sums_lanes; i++) sum += held[i][at];
            to[blockIdx.y * columns + column] = narrow<To>(sum);
        }
        __syncthreads();
    }
}

inline unsigned sums_blocks(int64_t columns) { return unsigned(std::min<int64_t>((columns + sums_columns - 1) / sums_columns, 1 << 20)); }

// Of `rows` rows of sums in scratch memory, as To.
template <class To, class C> void sum_partial_rows(void* to, const C* partial, int64_t rows, int64_t columns, Stream stream) {
    launch<column_sums_kernel<C, To, C>>({dim3(sums_blocks(columns)), sums_columns * sums_lanes, 0, stream}, static_cast<To*>(to), partial,
                                         rows, columns, rows);
}

// Of y itself, where the problem asks for sums and its candidate did not make them. Uses scratch memory.
template <class T, class C> void sum_columns_of_y(const MatmulProblem& p, Stream stream) {
    if (!p.epilogue.sums) return;
    const int64_t rows = p.m * p.batches.size;
    const int64_t fits = std::min<int64_t>(scratch().bytes, 1 << 20) / (p.n * int64_t(sizeof(C)));
    const int64_t splits = std::max<int64_t>(1, std::min<int64_t>({fits, 256, rows / 256})), slice = (rows + splits - 1) / splits;
    const T* y = static_cast<const T*>(p.epilogue.y);
    const Launch how = {dim3(sums_blocks(p.n), unsigned(splits)), sums_columns * sums_lanes, 0, stream};
    if (splits == 1) return launch<column_sums_kernel<T, T, C>>(how, static_cast<T*>(p.epilogue.sums), y, rows, p.n, slice);
    C* partial = static_cast<C*>(scratch().data);
    launch<column_sums_kernel<T, C, C>>(how, partial, y, rows, p.n, slice);
    sum_partial_rows<T, C>(p.epilogue.sums, partial, splits, p.n, stream);
}

}  // namespace gpudl
