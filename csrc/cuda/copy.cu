// Copies, repeats and fills on the GPU, and chooses between two: bits are moved as they are, so one kernel serves all dtypes of a size.
//
// threads and elements as elementwise.cuh says; besides, for copies whose innermost axis is another one in the input than in the output:
//   transposed    a block of 32 x 8 threads moves tiles of 32 x 32 elements through shared memory (a column more, so that banks differ): it
//                 reads along the axis that is innermost in the input and writes along the one that is innermost in the output.
#include <gpudl/arithmetic.h>
#include <gpudl/convert.h>

#include "copy.cuh"
#include "families.cuh"

namespace gpudl {
namespace {

using namespace elementwise;

// f(zero) with a value of the unsigned type that has the dtype's size.
template <class F> void for_size_of(char dtype, F f) {
    switch (itemsize(dtype)) {
        case 1: f(uint8_t{}); break;
        case 2: f(uint16_t{}); break;
        case 4: f(uint32_t{}); break;
        default: f(uint64_t{});
    }
}

constexpr int side = 32, tile_rows = threads / side;

// The tiles of a copy. Rows lie along `row_axis`, columns along the innermost axis. Operands 2 and 3 of the layout count: their offsets are the
// first row and the first column of a tile.
struct Tiles {
    Layout<4> layout;
    int row_axis;
    int64_t rows, columns;
};

Tiles tiles_of(const Layout<2>& layout, int row_axis) {
    const int last = layout.ndim - 1;
    Tiles tiles{{}, row_axis, layout.shape[row_axis], layout.shape[last]};
    Layout<4>& seen = tiles.layout;
    seen.ndim = layout.ndim;
    for (int k = 0; k < 2; k++) seen.data[k] = layout.data[k];
    for (int d = 0; d <= last; d++) {
        const bool tiled = d == row_axis || d == last;
        seen.shape[d] = tiled ? (layout.shape[d] + side - 1) / side : layout.shape[d];
        seen.size *= seen.shape[d];
        for (int k = 0; k < 2; k++) seen.stride[k][d] = layout.stride[k][d] * (tiled ? side : 1);
        seen.stride[2][d] = d == row_axis ? side : 0;
        seen.stride[3][d] = d == last ? side : 0;
    }
    seen.prepare_division();
    return tiles;
}

// `first`: the tile that the grid starts with, as in elementwise.cuh.
template <class T> __global__ void __launch_bounds__(threads) transpose_kernel(const __grid_constant__ Tiles tiles, int64_t first) {
    GPUDL_SHARED_ARRAY(T, tile, [side][side + 1]);  // [column][row]
    const Layout<4>& seen = tiles.layout;
    int64_t offsets[4];
    seen.offsets_at(first + blockIdx.x, offsets);
    const int64_t row_step = seen.stride[0][tiles.row_axis] / side, column_step = seen.stride[1][seen.ndim - 1] / side;
    const char* from = seen.data[1] + offsets[1];
    char* to = seen.data[0] + offsets[0];
    const int64_t rows_left = tiles.rows - offsets[2], columns_left = tiles.columns - offsets[3];
    const int along = threadIdx.x % side, across = threadIdx.x / side;
#pragma unroll
    for (int c = across; c < side; c += tile_rows) {
        if (c < columns_left && along < rows_left) tile[c][along] = reinterpret_cast<const T*>(from + c * column_step)[along];
    }
    __syncthreads();
#pragma unroll
    for (int r = across; r < side; r += tile_rows) {
        if (r < rows_left && along < columns_left) reinterpret_cast<T*>(to + r * row_step)[along] = tile[along][r];
    }
}

template <class T> struct Copy : Map<Same, T, T> {
    using Base = Map<Same, T, T>;
    using P = typename Base::P;

    // The axis along which the input lies without gaps, or -1.
    static int row_axis(const Layout<2>& layout) {
        for (int d = 0; d < layout.ndim - 1; d++) {
            if (layout.stride[1][d] == int64_t(sizeof(T))) return d;
        }
        return -1;
    }
    static const char* not_transposed(const P& p, const Device&) {
        const Layout<2>& layout = p.layout;
        const int axis = row_axis(layout);
        if (layout.step(0) != 1) return "the output has gaps along its innermost axis";
        if (layout.step(1) >= 0 || axis < 0) return "the input has no other axis without gaps";
        return layout.shape[axis] < side / 4 || layout.shape[layout.ndim - 1] < side / 4 ? "an axis is much shorter than a tile" : nullptr;
    }
    static void launch_transposed(const P& p, Stream stream) {
        const Tiles tiles = tiles_of(p.layout, row_axis(p.layout));
        launch<transpose_kernel<T>>({unsigned(tiles.layout.size), threads, 0, stream}, tiles, int64_t(0));
    }
    static void run(const char* name, const TensorView& y, const TensorView& x, Stream stream) {
        if (y.size() == 0) return;
        static constexpr Candidate<P> candidates[] = {
            {"flat_packets", Tier::simt, Base::not_flat, Base::launch_packets},
            {"row_packets", Tier::simt, Base::not_rows, Base::launch_packets},
            {"transposed", Tier::simt, not_transposed, launch_transposed},
            {"strided", Tier::simple, nullptr, launch_strided<Same, erased::Bits, erased::Bits>},
        };
        dispatch(name, candidates, P{describe<2>({&y, &x}), Same{}}, stream);
    }
};

}  // namespace

void copy_view(const char* name, const TensorView& y, const TensorView& x, Stream stream) {
    for_size_of(y.dtype, [&](auto zero) { Copy<decltype(zero)>::run(name, y, x, stream); });
}

void fill_view(const char* name, const TensorView& y, uint64_t bits, Stream stream) {
    for_size_of(y.dtype, [&](auto zero) {
        using T = decltype(zero);
        Map<Constant<T>, T>::run(name, {&y}, Constant<T>{T(bits)}, stream);
    });
}

uint64_t bits_of(char dtype, const Scalar& number) {
    uint64_t bits = 0;
    char* to = reinterpret_cast<char*>(&bits);
    switch (dtype) {
        case 'f':
        case 'e':
        case 'E': erased::Single::store(to, dtype, float(number.real)); break;
        case 'd': erased::Double::store(to, dtype, number.real); break;
        case '?': erased::Truth::store(to, dtype, number.real != 0); break;
        default: erased::Integer::store(to, dtype, number.integer);
    }
    return bits;
}

GPUDL_KERNEL_WHEN(copy, "* <- ~*", broadcast_shapes<1>) { copy_view("copy", outs[0], ins[0], stream); }
GPUDL_KERNEL_WHEN(expand, "* <- ~* ; i*", broadcast_shapes<1>) { copy_view("expand", outs[0], ins[0], stream); }
GPUDL_KERNEL_WHEN(assign_, "* <- ~*", broadcast_shapes<1>) { copy_view("assign_", outs[0], ins[0], stream); }
GPUDL_KERNEL(full, "* <- ; r i i*") { fill_view("full", outs[0], bits_of(outs[0].dtype, attrs[0]), stream); }
GPUDL_KERNEL_WHEN(flat_grad, "f <- ~f | d <- ~d | e <- ~e | E <- ~E", broadcast_shapes<1>) { fill_view("flat_grad", outs[0], 0, stream); }

GPUDL_KERNEL_WHEN(where, "* <- ~? ~* ~*", broadcast_shapes<3>) {
    for_size_of(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        Map<Where, T, bool, T, T>::run("where", {&outs[0], &ins[0], &ins[1], &ins[2]}, Where{}, stream);
    });
}

}  // namespace gpudl
