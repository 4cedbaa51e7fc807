// Describes a product of matrices to the candidates that compute it: `MatmulProblem`, on the host, and its parts as kernels take them.
//
//     y[b, m, n] = finish(sum over k of a[b, m, k] b[b, k, n])
//
// Strides count elements and say where operands lie after transposes, so NN, NT, TN and TT are strides and nothing else. y is dense. What
// `finish` does is the Epilogue. Every candidate's file declares here its obstacle and its launcher.
#pragma once
#include <gpudl/dispatch.h>
#include <gpudl/layout.h>

namespace gpudl {

enum class Act : int { none, relu, leaky_relu, sigmoid, tanh };  // as gpudl/ops/fused.py counts them

// What happens to each sum before it is rounded and written:  act(alpha sum + bias + beta residual), or sum * act'(saved).
struct Epilogue {
    void* y = nullptr;
    int64_t row = 0;                    // elements from a row of y to the next; columns are neighbours
    int64_t batch = 0, bias_batch = 0;  // … from one batch to the next, of y (residual, saved) and of the bias
    double alpha = 1, beta = 0;
    const void* bias = nullptr;      // a number a column; null: none. The dtype of this and the following is y's
    const void* residual = nullptr;  // lies as y does; read where beta is not 0
    const void* saved = nullptr;     // lies as y does: an output of act; not null: the result is multiplied by act' there
    Act act = Act::none;
    double slope = 0;      // of leaky_relu
    void* sums = nullptr;  // not null: receives the sum of each column of what was written, over rows and batches, before rounding

    bool plain() const { return alpha == 1 && beta == 0 && !bias && !saved && act == Act::none; }
};

// Where one operand lies: `outer` counts m for a and n for b.
struct MatmulOperand {
    const void* data;
    int64_t outer, k;  // strides in elements; along an axis of size 1 or 0 whatever suits packets
};

struct MatmulProblem {
    int64_t m, n, k;
    char dtype;  // of a, b and y
    MatmulOperand a, b;
    Layout<2> batches;  // of a and b, strides in elements; `size` of them
    Epilogue epilogue;

    bool nothing() const { return m == 0 || n == 0 || batches.size == 0; }
    int64_t bytes() const { return itemsize(dtype); }
};

// Elements of 16 bytes.
inline int packet_width(char dtype) { return int(16 / itemsize(dtype)); }

// Whether 16 bytes along k (or along the outer axis) may be read at once from wherever a packet begins.
inline bool packets_along(bool along_k, const MatmulProblem& p, int operand) {
    const MatmulOperand& x = operand == 0 ? p.a : p.b;
    const int64_t step = along_k ? x.k : x.outer, line = along_k ? x.outer : x.k, width = packet_width(p.dtype);
    bool whole = step == 1 && line % width == 0 && reinterpret_cast<uintptr_t>(x.data) % 16 == 0;
    for (int d = 0; d < p.batches.ndim; d++) whole = whole && p.batches.stride[operand][d] % width == 0;
    return whole;
}

// y (…, m, n) of a (…, m, k) and b (…, k, n), the latter two turned where ta and tb say so.
inline MatmulProblem describe_matmul(const TensorView& y, const TensorView& a, const TensorView& b, bool ta, bool tb) {
    const int64_t bytes = itemsize(y.dtype);
    MatmulProblem p = {};
    p.dtype = y.dtype;
    p.m = y.shape[y.ndim - 2];
    p.n = y.shape[y.ndim - 1];
    p.k = a.shape[a.ndim - (ta ? 2 : 1)];
    const auto operand = [&](const TensorView& x, bool turned, bool second, int64_t outer) {
        const int rows = x.ndim - 2, columns = x.ndim - 1;
        const bool k_in_rows = turned != second;
        MatmulOperand o = {x.data, x.strides[k_in_rows ? columns : rows] / bytes, x.strides[k_in_rows ? rows : columns] / bytes};
        if (p.k <= 1) o.k = 1;
        if (outer <= 1) o.outer = p.k <= 1 || o.k == 1 ? 0 : 1;
        else if (p.k <= 1 && o.outer == 1) o.k = 0;
        return o;
    };
    p.a = operand(a, ta, false, p.m);
    p.b = operand(b, tb, true, p.n);
    p.batches.data[0] = p.batches.data[1] = nullptr;
    p.batches.size = 1;
    for (int d = 0; d < y.ndim - 2; d++) {
        if (y.shape[d] == 1) continue;
        int64_t steps[2];
        const TensorView* views[2] = {&a, &b};
        for (int i = 0; i < 2; i++) {
            const int own = d - y.ndim + views[i]->ndim;
            steps[i] = own < 0 || views[i]->shape[own] == 1 ? 0 : views[i]->strides[own] / bytes;
        }
        p.batches.append(y.shape[d], steps);
        p.batches.size *= y.shape[d];
    }
    if (p.batches.ndim == 0) p.batches.append(1, {0, 0});
    p.batches.prepare_division();
    p.epilogue.y = y.data;
    p.epilogue.row = p.n;
    p.epilogue.batch = p.m * p.n;
    return p;
}

// Whether the shapes belong together and every element lies where its dtype may be read.
inline bool matmul_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const TensorView &y = outs[0], &a = ins[0], &b = ins[1];
    if (a.ndim < 2 || b.ndim < 2 || y.ndim < 2 || a.ndim > y.ndim || b.ndim > y.ndim) return false;
    const bool ta = attrs[0].integer != 0, tb = attrs[1].integer != 0;
    const auto size = [](const TensorView& x, int from_end) { return x.shape[x.ndim - from_end]; };
    if (size(y, 2) != size(a, ta ? 1 : 2) || size(y, 1) != size(b, tb ? 2 : 1) || size(a, ta ? 2 : 1) != size(b, tb ? 1 : 2)) return false;
    for (const TensorView* x : {&a, &b}) {
        for (int i = 3; i <= x->ndim; i++) {
            if (size(*x, i) != 1 && size(*x, i) != size(y, i)) return false;
        }
    }
    return items_aligned(a) && items_aligned(b);
}

// The candidates, fastest first in matmul.cu. An obstacle is null where the candidate takes the problem.
const char* matmul_mma_obstacle(const MatmulProblem& p, const Device& device);  // matmul_mma_sm80.cu
void launch_matmul_mma(const MatmulProblem& p, Stream stream);
const char* matmul_skinny_obstacle(const MatmulProblem& p, const Device& device);  // matmul_skinny.cu
void launch_matmul_skinny(const MatmulProblem& p, Stream stream);
const char* matmul_simt_obstacle(const MatmulProblem& p, const Device& device);  // matmul_simt.cu
void launch_matmul_simt(const MatmulProblem& p, Stream stream);
void launch_matmul_simple(const MatmulProblem& p, Stream stream);  // matmul_simple.cu: takes everything

// Chooses among all of them.
void launch_matmul(const char* family, const MatmulProblem& p, Stream stream);  // matmul.cu

}  // namespace gpudl
