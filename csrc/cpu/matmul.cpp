// Multiplies matrices, one pair or many, by gemm.h. 16-bit floats are multiplied as float32 and rounded once.
#include <gpudl/kernel.h>
#include <gpudl/layout.h>

#include "buffers.h"
#include "gemm.h"

namespace gpudl {
namespace {

using namespace cpu;

// The last two axes of an operand as a matrix, turned if it is to be transposed.
template <class C> Matrix<const C> matrix_of(const TensorView& x, const char* data, bool transposed) {
    const int64_t item = itemsize(x.dtype);
    const auto stride = [&](int axis) { return x.shape[axis] == 1 ? int64_t(1) : x.strides[axis] / item; };
    Matrix<const C> m = {reinterpret_cast<const C*>(data), stride(x.ndim - 2), stride(x.ndim - 1)};
    // an axis of one has any stride: choose what makes the other one look like rows
    if (x.shape[x.ndim - 1] == 1 && x.shape[x.ndim - 2] != 1) m.column = 1;
    return transposed ? m.turned() : m;
}

// A copy as floats, row by row as it lies.
Matrix<const float> widened(const TensorView& x, const char* data, bool transposed, Slot slot) {
    const int64_t rows = x.shape[x.ndim - 2], columns = x.shape[x.ndim - 1];
    float* to = scratch<float>(slot, rows * columns);
    for (int64_t i = 0; i < rows; i++) loading(x.dtype)(to + i * columns, data + i * x.strides[x.ndim - 2], x.strides[x.ndim - 1], columns);
    const Matrix<const float> m = {to, columns, 1};
    return transposed ? m.turned() : m;
}

// Where the matrix of product i lies.
const char* batch_of(const TensorView& x, const TensorView& y, int64_t i) {
    const char* data = x.as<char>();
    for (int d = y.ndim - 3; d >= 0; d--) {
        const int64_t at = i % y.shape[d];
        i /= y.shape[d];
        const int own = d - y.ndim + x.ndim;
        if (own >= 0 && x.shape[own] != 1) data += at * x.strides[own];
    }
    return data;
}

template <class C> void products(const TensorView& y, const TensorView& a, const TensorView& b, bool ta, bool tb) {
    const int64_t m = y.shape[y.ndim - 2], n = y.shape[y.ndim - 1], k = a.shape[a.ndim - (ta ? 2 : 1)];
    int64_t count = 1;
    for (int d = 0; d < y.ndim - 2; d++) count *= y.shape[d];
    const bool half = itemsize(y.dtype) == 2;
    const auto one = [&](int64_t i) {
        const char *left = batch_of(a, y, i), *right = batch_of(b, y, i);
        char* to = y.as<char>() + i * m * n * itemsize(y.dtype);
        if constexpr (sizeof(C) == 4) {
            if (half) {
                float* made = scratch<float>(Slot::result, m * n);
                gemm<float>({m, n, k}, widened(a, left, ta, Slot::first), widened(b, right, tb, Slot::second), {made, n, 1});
                storing(y.dtype)(to, reinterpret_cast<const char*>(made), 2, m * n);
                return;
            }
        }
        gemm<C>({m, n, k}, matrix_of<C>(a, left, ta), matrix_of<C>(b, right, tb), {reinterpret_cast<C*>(to), n, 1});
    };
    if (count > 1 && m * n * k < (1 << 22) && count * m * n * k >= (1 << 20)) return in_pieces(count, one);
    for (int64_t i = 0; i < count; i++) one(i);
}

bool matmul_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return outs[0].ndim >= 2 && ins[0].ndim >= 2 && ins[1].ndim >= 2 && items_aligned(ins[0]) && items_aligned(ins[1]);
}

}  // namespace

// attrs: whether the last two axes of each operand are swapped.
GPUDL_KERNEL_WHEN(matmul, "f <- ~f ~f ; i i | d <- ~d ~d ; i i | e <- ~e ~e ; i i | E <- ~E ~E ; i i", matmul_shapes) {
    if (outs[0].size() == 0) return;
    if (outs[0].dtype == 'd') products<double>(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    else products<float>(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
}

}  // namespace gpudl
