// Says where the elements of broadcast operands lie: `Layout` collapses axes that lie one after another, `offsets_at` finds an element.
//
// Indices and offsets have 64 bits; division by the size of an axis is a multiplication and a shift.
#pragma once
#include <gpudl/dtype.h>
#include <gpudl/kernel.h>

namespace gpudl {

namespace detail {

GPUDL_HOST_DEVICE inline uint64_t high_half(uint64_t a, uint64_t b) {  // of the 128 bits of a * b
#ifdef __CUDA_ARCH__
    return __umul64hi(a, b);
#else
    const uint64_t a0 = uint32_t(a), a1 = a >> 32, b0 = uint32_t(b), b1 = b >> 32;
    const uint64_t middle = a1 * b0 + (a0 * b0 >> 32), other = a0 * b1 + uint32_t(middle);
    return a1 * b1 + (middle >> 32) + (other >> 32);
#endif
}

// floor(2^64 * top / d) for top < d: what long division finds bit by bit.
inline uint64_t long_division(uint64_t top, uint64_t d) {
    uint64_t quotient = 0;
    for (int i = 0; i < 64; i++) {
        const bool carry = top >> 63;
        top <<= 1;
        quotient <<= 1;
        if (carry || top >= d) {
            top -= d;
            quotient |= 1;
        }
    }
    return quotient;
}

}  // namespace detail

// n / d for 0 <= n < 2^63 and 1 <= d < 2^63. With s the bits of d - 1 and m = floor(2^64 (2^s - d) / d) + 1:
// n / d = (n + floor(m n / 2^64)) >> s.  Granlund and Montgomery, "Division by invariant integers using multiplication", 1994.
struct Divisor {
    uint64_t m = 1;
    uint32_t s = 0;

    Divisor() = default;
    explicit Divisor(int64_t divisor) {
        const uint64_t d = uint64_t(divisor);
        while ((uint64_t(1) << s) < d) s++;
        m = detail::long_division((uint64_t(1) << s) - d, d) + 1;
    }

    GPUDL_HOST_DEVICE int64_t divide(int64_t n) const { return int64_t((uint64_t(n) + detail::high_half(m, uint64_t(n))) >> s); }
};

// Operand 0 is written, the others are broadcast to its shape. Axes from the outermost to the innermost; strides in bytes, 0 along axes that
// an operand is repeated along. Axes of size 1 are left out, and neighbours that every operand walks through as one are one axis.
template <int operands> struct Layout {
    int32_t ndim = 0;  // at least 1 after `describe`
    int64_t size = 1;
    int64_t shape[max_dims];
    Divisor divisor[max_dims];
    int64_t stride[operands][max_dims];
    char* data[operands];
    char dtype[operands];

    void append(int64_t n, const int64_t (&steps)[operands]) {
        bool joins = ndim > 0;
        for (int k = 0; k < operands; k++) joins = joins && stride[k][ndim - 1] == steps[k] * n;
        if (!joins) shape[ndim++] = 1;
        shape[ndim - 1] *= n;
        for (int k = 0; k < operands; k++) stride[k][ndim - 1] = steps[k];
    }

    void prepare_division() {
        for (int d = 1; d < ndim; d++) divisor[d] = Divisor(shape[d]);
    }

    // The bytes from `data` to element i of every operand.
    GPUDL_HOST_DEVICE void offsets_at(int64_t i, int64_t (&offsets)[operands]) const {
        for (int k = 0; k < operands; k++) offsets[k] = 0;
#ifdef __CUDA_ARCH__
#pragma unroll 1
#endif
        for (int d = ndim - 1; d > 0; d--) {
            const int64_t rest = divisor[d].divide(i);
            const int64_t at = i - rest * shape[d];
            for (int k = 0; k < operands; k++) offsets[k] += at * stride[k][d];
            i = rest;
        }
        for (int k = 0; k < operands; k++) offsets[k] += i * stride[k][0];
    }

    // Along the innermost axis: 0 one element for all, 1 one after another, -1 anything else.
    int step(int k) const {
        const int64_t s = stride[k][ndim - 1];
        return s == 0 ? 0 : s == itemsize(dtype[k]) ? 1 : -1;
    }

    // The same seen as packets of `width` elements along the innermost axis, which must be a multiple of it. Only what repeats has stride 0.
    Layout packets(int width) const {
        Layout seen = *this;
        const int last = ndim - 1;
        seen.shape[last] /= width;
        seen.size = size / shape[last] * seen.shape[last];
        for (int k = 0; k < operands; k++) seen.stride[k][last] *= width;
        seen.prepare_division();
        return seen;
    }
};

// The shapes must broadcast to that of the first operand (`broadcasts`), and it must not be empty.
template <int operands> Layout<operands> describe(const TensorView* const (&views)[operands]) {
    Layout<operands> layout;
    const TensorView& out = *views[0];
    for (int k = 0; k < operands; k++) {
        layout.data[k] = static_cast<char*>(views[k]->data);
        layout.dtype[k] = views[k]->dtype;
    }
    for (int d = 0; d < out.ndim; d++) {
        if (out.shape[d] == 1) continue;
        int64_t steps[operands];
        for (int k = 0; k < operands; k++) {
            const int own = d - out.ndim + views[k]->ndim;
            steps[k] = own < 0 || views[k]->shape[own] == 1 ? 0 : views[k]->strides[own];
        }
        layout.append(out.shape[d], steps);
        layout.size *= out.shape[d];
    }
    if (layout.ndim == 0) {
        int64_t steps[operands];
        for (int k = 0; k < operands; k++) steps[k] = itemsize(layout.dtype[k]);
        layout.append(1, steps);
    }
    layout.prepare_division();
    return layout;
}

// Whether x's shape, its axes counted from the right, is that of y or 1 in each of them.
inline bool broadcasts(const TensorView& x, const TensorView& y) {
    if (x.ndim > y.ndim) return false;
    for (int i = 1; i <= x.ndim; i++) {
        const int64_t n = x.shape[x.ndim - i];
        if (n != 1 && n != y.shape[y.ndim - i]) return false;
    }
    return true;
}

// Whether every element lies where its dtype may be read.
inline bool items_aligned(const TensorView& x) {
    if (x.dense) return true;
    const int64_t bytes = itemsize(x.dtype);
    bool whole = reinterpret_cast<uintptr_t>(x.data) % uintptr_t(bytes) == 0;
    for (int d = 0; d < x.ndim; d++) whole = whole && (x.shape[d] == 1 || x.strides[d] % bytes == 0);
    return whole;
}

// Predicates of the kernels that map elements of inputs to one output: every input broadcasts to it, and its elements may be read.
template <int inputs> bool broadcast_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) {
    for (int k = 0; k < inputs; k++) {
        if (!broadcasts(ins[k], outs[0]) || !items_aligned(ins[k])) return false;
    }
    return true;
}

}  // namespace gpudl
