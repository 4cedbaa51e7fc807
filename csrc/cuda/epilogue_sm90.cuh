// Finishes the sums of a tile on their way out of the registers (gemm_sm90.cuh): an Epilogue of matmul.h as the Hopper kernels take it.
//
// A mode is chosen on the host, so that a tile pays for what it needs: raw writes the sums; linear adds a bias and bends by ReLU or
// LeakyReLU; residual adds beta times another array before; curved ends in a sigmoid or tanh; gradient multiplies by act'(saved) and sums
// columns.
#pragma once
#include "matmul.h"
#include "ptx/ptx.cuh"

namespace gpudl::sm90 {

struct Ending {
    enum Mode { raw, linear, residual, curved, gradient };
    Mode mode = raw;
    float alpha = 1, beta = 0;
    float slope = 1;      // max(v, slope v) with a slope in [0, 1]: 1 none, 0 ReLU, else LeakyReLU
    uint32_t keep = ~0u;  // bits of slope v that count: none for ReLU, which makes 0 of -inf where 0 * -inf would be NaN
    const void* bias = nullptr;
    bool square = false, falls = false;  // of gradient and curved: sigmoid or tanh; of these tanh
    float* sums = nullptr;               // of gradient: sums of 16 rows, [batch][rows / 16][columns]
    int64_t rows = 0, columns = 0;

    __device__ __forceinline__ bool reads() const { return mode == residual || mode == gradient; }
    __device__ __forceinline__ float bent(float v) const { return ptx::max_nan(v, bits::to_float(bits::of(slope * v) & keep)); }

    // To 2^-20 or so: results are rounded to 16 bits.
    __device__ __forceinline__ float curve(float v) const {
        constexpr float log2_e = 1.44269504f;
        const float one = __fdividef(1.0f, 1.0f + ptx::exp2_approx(v * (falls ? -2 * log2_e : -log2_e)));
        if (!falls) return one;
        const float s = v * v, small = v * (1.0f + s * (-1.0f / 3 + s * (2.0f / 15 + s * (-17.0f / 315))));
        return fabsf(v) < 0.3f ? small : 2.0f * one - 1.0f;
    }
    __device__ __forceinline__ float slope_at(float v, float y) const {  // v act'(x), from y = act(x)
        if (square) return v * (falls ? 1.0f - y * y : (1.0f - y) * y);
        return y > 0.0f ? v : bits::to_float(bits::of(slope * v) & keep);
    }
    template <int chosen> __device__ __forceinline__ float apply(float sum, float b, float old) const {
        if constexpr (chosen == raw) return sum;
        const float v = fmaf(alpha, sum, b);
        if constexpr (chosen == linear) return bent(v);
        if constexpr (chosen == residual) return bent(fmaf(beta, old, v));
        if constexpr (chosen == curved) return curve(v);
        return slope_at(v, old);
    }
};

// A null says that the epilogue is one of the modes.
inline const char* ending_obstacle(const Epilogue& e, bool many_batches) {
    const auto aligned = [](const void* x, uintptr_t bytes) { return reinterpret_cast<uintptr_t>(x) % bytes == 0; };
    const bool curve = e.act == Act::sigmoid || e.act == Act::tanh;
    if (e.act == Act::leaky_relu && !(e.slope >= 0 && e.slope <= 1)) return "the slope is not in [0, 1]";
    if (e.bias && (!aligned(e.bias, 4) || (many_batches && e.bias_batch))) return "the bias lies badly";
    if (e.beta != 0 && (!aligned(e.residual, 16) || curve || e.saved)) return "what is added lies badly, or more follows";
    return e.saved && (!aligned(e.saved, 16) || e.bias) ? "the saved output lies badly, or there is a bias" : nullptr;
}

inline Ending ending_of(const Epilogue& e, int64_t rows, int64_t columns) {
    Ending end;
    const bool curve = e.act == Act::sigmoid || e.act == Act::tanh;
    end.alpha = float(e.alpha), end.beta = float(e.beta), end.bias = e.bias;
    end.rows = rows, end.columns = columns;
    end.square = curve, end.falls = e.act == Act::tanh;
    if (e.act == Act::relu) end.slope = 0, end.keep = 0;
    if (e.act == Act::leaky_relu) end.slope = float(e.slope);
    end.mode = e.plain()     ? Ending::raw
               : e.saved     ? Ending::gradient
               : curve       ? Ending::curved
               : e.beta != 0 ? Ending::residual
                             : Ending::linear;
    return end;
}

struct Pair {
    float x, y;
};

// Two neighbours of a row in a register.
template <class T> __device__ __forceinline__ uint32_t pack(Pair v) {
    uint32_t bits;
    if constexpr (std::is_same_v<T, bfloat16>) {
        const __nv_bfloat162 p = __floats2bfloat162_rn(v.x, v.y);
        memcpy(&bits, &p, 4);
    } else {
        const __half2 p = __floats2half2_rn(v.x, v.y);
        memcpy(&bits, &p, 4);
    }
    return bits;
}
template <class T> __device__ __forceinline__ Pair unpack(uint32_t bits) {
    return {wide(T{uint16_t(bits & 0xffffu)}), wide(T{uint16_t(bits >> 16)})};
}

// The biases of columns `column` + 8 j and the next, for j below `pairs`. Whole pairs exist or none.
template <class T, int pairs> __device__ __forceinline__ void load_bias(Pair (&b)[pairs], const Ending& end, int64_t column) {
#pragma unroll
    for (int j = 0; j < pairs; j++) {
        b[j] = {0.0f, 0.0f};
        if (!end.bias || column + 8 * j >= end.columns) continue;
        const auto two = load(reinterpret_cast<const Packet<T, 2>*>(static_cast<const T*>(end.bias) + column + 8 * j));
        b[j] = {wide(two.item[0]), wide(two.item[1])};
    }
}

// Adds pairs over the eight lanes of a warp that hold the same columns, and leaves pair l / 4 with lane l: columns 2 l and 2 l + 1 of 64.
__device__ __forceinline__ Pair sum_rows(Pair (&pairs)[8], int lane) {
#pragma unroll
    for (int half = 4; half >= 1; half /= 2) {
        const bool upper = lane & 4 * half;
#pragma unroll
        for (int i = 0; i < half; i++) {
            const Pair give = upper ? pairs[i] : pairs[i + half], kept = upper ? pairs[i + half] : pairs[i];
            pairs[i].x = kept.x + __shfl_xor_sync(0xffffffffu, give.x, 4 * half);
            pairs[i].y = kept.y + __shfl_xor_sync(0xffffffffu, give.y, 4 * half);
        }
    }
    return pairs[0];
}

}  // namespace gpudl::sm90
