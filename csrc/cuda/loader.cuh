// Says where the elements of an operand of a product lie: the part of a tile core that convolutions exchange.
//
// An operand is a matrix over (outer, k), outer being m of a or n of b. A loader has
//
//   T, width                  elements of a packet, which are neighbours in memory: 16 bytes, or 1
//   along_k                   whether a packet's elements follow each other along k, else along the outer axis
//   bool lanes_along_k()      for width 1: whether neighbouring lanes should go along k, else along the outer axis
//   const T* base(batch)      where a batch begins (or a group, say)
//   Line line(base, outer)    what is worth knowing about one place along the outer axis: kept for the whole of a tile
//   Step step(k)              what is worth knowing about one place along k: made once for each packet and slice of k
//   Place<T> place(line, step)   the packet that begins there: its first element, and how many exist. What does not exist reads as zero.
//                             The pointer must be that of some element even where nothing exists. Places beyond the operand are asked for.
//
// Packets begin at multiples of `width` along their axis. Loaders are parameters of kernels, `const __grid_constant__`.
#pragma once
#include <gpudl/platform.h>

#include "matmul.h"

namespace gpudl {

template <class T> struct Place {
    const T* from;
    int count;
};

// A matrix with any strides, `packet` elements at a time.
template <class Item, int packet, bool k_first> struct StridedLoader {
    using T = Item;
    static constexpr int width = packet;
    static constexpr bool along_k = k_first;

    const T* data;
    int64_t outer_stride, k_stride, outer_size, k_size;
    Layout<2> batches;
    int operand;

    struct Line {
        const T* from;
        int left;
    };
    struct Step {
        int64_t offset;
        int left;
    };

    static __device__ __forceinline__ int within(int64_t size, int64_t at) {
        const int64_t left = size - at;
        return left <= 0 ? 0 : left < width ? int(left) : width;
    }
    __device__ __forceinline__ bool lanes_along_k() const { return k_stride == 1 || (outer_stride != 1 && k_stride < outer_stride); }
    __device__ __forceinline__ const T* base(int64_t batch) const {
        if (batches.size == 1) return data;
        int64_t offsets[2];
        batches.offsets_at(batch, offsets);
        return data + offsets[operand];
    }
    __device__ __forceinline__ Line line(const T* base, int64_t outer) const {
        const int left = within(outer_size, outer);
        return {left ? base + outer * outer_stride : base, left};
    }
    __device__ __forceinline__ Step step(int64_t k) const {
        const int left = within(k_size, k);
        return {left ? k * k_stride : 0, left};
    }
    __device__ __forceinline__ Place<T> place(const Line& line, const Step& step) const {
        const int count = line.left == 0 || step.left == 0 ? 0 : along_k ? step.left : line.left;
        return {line.from + step.offset, count};
    }
};

template <class Loader> inline Loader loader_of(const MatmulProblem& p, int operand) {
    const MatmulOperand& x = operand == 0 ? p.a : p.b;
    return {static_cast<const typename Loader::T*>(x.data), x.outer, x.k, operand == 0 ? p.m : p.n, p.k, p.batches, operand};
}

}  // namespace gpudl
