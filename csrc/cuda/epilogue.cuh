// Finishes sums of products: applies an Epilogue (matmul.h) to neighbouring sums, rounds once and writes them.
//
// `Finish<T, C, Rows>` is what tile cores call: T the dtype of y, C the type of sums, Rows where a row of y begins (a convolution may scatter
// its rows). A core stages its sums in shared memory and hands over `width` neighbours of a row at a time, 16 bytes of y.
#pragma once
#include <gpudl/activation.h>
#include <gpudl/math.h>
#include <gpudl/platform.h>

#include "matmul.h"

namespace gpudl {

template <class C> __device__ __forceinline__ C activated(C x, Act act, C slope) {
    switch (act) {
        case Act::relu: return Relu{}(x);
        case Act::leaky_relu: return x > C(0) ? x : x * slope;
        case Act::sigmoid: return math::sigmoid(x);
        case Act::tanh: return math::tanh(x);
        default: return x;
    }
}

// h act'(x), from y = act(x).
template <class C> __device__ __forceinline__ C slope_times(C h, C y, Act act, C slope) {
    switch (act) {
        case Act::relu: return ReluGrad{}(h, y);
        case Act::leaky_relu: return y > C(0) ? h : h * slope;
        case Act::sigmoid: return (C(1) - y) * y * h;
        case Act::tanh: return (C(1) - y * y) * h;
        default: return h;
    }
}

// Rows at equal distances.
struct StridedRows {
    int64_t stride;
    __device__ int64_t operator()(int64_t row) const { return row * stride; }
};

template <class T, class C, class Rows = StridedRows> struct Finish {
    using Value = C;
    static constexpr int width = int(16 / sizeof(T));
    Epilogue e;
    Rows rows;
    bool plain,
        aligned;  // aligned: a packet of y, bias, residual and saved may be moved at once wherever its column is a multiple of width

    // One number. `at` counts elements of y.
    __device__ __forceinline__ C one(C sum, int64_t at, int64_t batch, int64_t column) const {
        if (plain) return sum;
        C v = sum * C(e.alpha);
        if (e.bias) v += wide(static_cast<const T*>(e.bias)[batch * e.bias_batch + column]);
        if (e.beta != 0) v += C(e.beta) * wide(static_cast<const T*>(e.residual)[at]);
        return e.saved ? slope_times(v, C(wide(static_cast<const T*>(e.saved)[at])), e.act, C(e.slope)) : activated(v, e.act, C(e.slope));
    }

    __device__ __forceinline__ C write(C sum, int64_t batch, int64_t row, int64_t column) const {
        const int64_t at = batch * e.batch + rows(row) + column;
        const C v = one(sum, at, batch, column);
        static_cast<T*>(e.y)[at] = narrow<T>(v);
        return v;
    }

    // `count` of `width` neighbours exist. Leaves in `sums` what was written, before rounding.
    __device__ __forceinline__ void write(C (&sums)[width], int64_t batch, int64_t row, int64_t column, int count) const {
        const int64_t first = batch * e.batch + rows(row) + column;
        T* to = static_cast<T*>(e.y) + first;
        if (aligned && count == width) {
            Packet<T, width> packet;
            if (!plain) {
                Packet<T, width> bias = {}, residual = {}, saved = {};
                const auto packet_at = [](const void* x, int64_t at) {
                    return load(reinterpret_cast<const Packet<T, width>*>(static_cast<const T*>(x) + at));
                };
                if (e.bias) bias = packet_at(e.bias, batch * e.bias_batch + column);
                if (e.beta != 0) residual = packet_at(e.residual, first);
                if (e.saved) saved = packet_at(e.saved, first);
#pragma unroll
                for (int j = 0; j < width; j++) {
                    C v = sums[j] * C(e.alpha) + C(wide(bias.item[j]));
                    if (e.beta != 0) v += C(e.beta) * wide(residual.item[j]);
                    sums[j] = e.saved ? slope_times(v, C(wide(saved.item[j])), e.act, C(e.slope)) : activated(v, e.act, C(e.slope));
                }
            }
#pragma unroll
            for (int j = 0; j < width; j++) packet.item[j] = narrow<T>(sums[j]);
            store(reinterpret_cast<Packet<T, width>*>(to), packet);
            return;
        }
#pragma unroll
        for (int j = 0; j < width; j++) {
            if (j >= count) continue;
            sums[j] = one(sums[j], first + j, batch, column + j);
            to[j] = narrow<T>(sums[j]);
        }
    }
};

// For y whose rows lie at equal distances.
template <class T, class C> inline Finish<T, C> finish_of(const Epilogue& e) {
    const int64_t width = Finish<T, C>::width;
    bool aligned = e.row % width == 0 && e.batch % width == 0 && (!e.bias || e.bias_batch % width == 0);
    for (const void* x : {static_cast<const void*>(e.y), e.bias, e.beta != 0 ? e.residual : nullptr, e.saved})
        aligned = aligned && reinterpret_cast<uintptr_t>(x) % 16 == 0;
    return {e, {e.row}, e.plain(), aligned};
}

}  // namespace gpudl
