// Multiplies matrices where the result has few columns or few rows (the last layer of a classifier, small batches): the long operand
// streams through registers once, the short one lies in shared memory.
//
// thread ↔ element: a block takes 32 places along the long axis and all (up to 32) along the short one; 8 threads share a place, each with every
// eighth packet (or number) of k. Where k is the operand's contiguous axis they are neighbours, else the 32 places are. Their sums are joined
// in shared memory, in order. bytes moved: the long operand once. expected bound: memory bandwidth, below 16 places multiply-adds do not count.
#include <gpudl/platform.h>

#include "tile.cuh"

namespace gpudl {
namespace {

constexpr int threads = 256, places = 32, sharers = 8, depth = 128;  // depth: numbers along k of the short operand in shared memory

struct Skinny {
    MatmulOperand left, right;  // the long and the short operand
    int64_t length, k, part_k, parts, count;
    Layout<2> batches;
    int width, left_index;  // numbers along the short axis; which of the batches' strides are those of the long operand
    bool swapped;           // the long axis counts columns of y
    bool along_k;           // whether neighbouring threads share a place
    void* partial;
};

template <class T, int most, int packet> __global__ void __launch_bounds__(threads, most > 16 ? 1 : 2)
    matmul_skinny_kernel(const __grid_constant__ Skinny p, const __grid_constant__ Finish<T, float> finish) {
    constexpr int pitch = most + 1, line = most * (places + 1) + 4;
    constexpr int shared_words = depth * pitch > sharers * line ? depth * pitch : sharers * line;
    GPUDL_SHARED_ARRAY(float, shared, [shared_words]);
    const int t = int(threadIdx.x), own = p.along_k ? t / sharers : t % places, sharer = p.along_k ? t % sharers : t / places;
#pragma unroll 1
    for (int64_t work = blockIdx.x; work < p.count; work += gridDim.x) {
        const int64_t strips = (p.length + places - 1) / places, slab = work / strips, batch = slab / p.parts,
                      part = slab - batch * p.parts;
        const int64_t at = (work - slab * strips) * places + own;
        int64_t offsets[2] = {0, 0};
        if (p.batches.size > 1) p.batches.offsets_at(batch, offsets);
        const T* left = static_cast<const T*>(p.left.data) + offsets[p.left_index] + at * p.left.outer;
        const T* right = static_cast<const T*>(p.right.data) + offsets[1 - p.left_index];
        const int64_t end = min((part + 1) * p.part_k, p.k);

        float total[most];
#pragma unroll
        for (int j = 0; j < most; j++) total[j] = 0.0f;
        for (int64_t first = part * p.part_k; first < end; first += depth) {
            const int here = end - first < depth ? int(end - first) : depth;
            for (int i = t; i < depth * p.width; i += threads) {  // the short operand, read along its contiguous axis
                const bool by_k = p.right.k == 1;
                const int j = by_k ? i / depth : i % p.width, k = by_k ? i % depth : i / p.width;
                shared[k * pitch + j] = k < here ? wide(right[(first + k) * p.right.k + j * p.right.outer]) : 0.0f;
            }
            __syncthreads();
            float sum[most];
#pragma unroll
            for (int j = 0; j < most; j++) sum[j] = 0.0f;
            if (at < p.length) {
#pragma unroll 2
                for (int k = sharer * packet; k < here; k += sharers * packet) {
                    float x[packet];
                    if (packet > 1 && k + packet <= here) {
                        const auto read = load(reinterpret_cast<const Packet<T, packet>*>(left + first + k));
#pragma unroll
                        for (int i = 0; i < packet; i++) x[i] = wide(read.item[i]);
                    } else {
#pragma unroll
                        for (int i = 0; i < packet; i++) x[i] = k + i < here ? wide(left[(first + k + i) * p.left.k]) : 0.0f;
                    }
#pragma unroll
                    for (int i = 0; i < packet; i++) {
#pragma unroll
                        for (int j = 0; j < most; j++) sum[j] += x[i] * (j < p.width ? shared[(k + i) * pitch + j] : 0.0f);
                    }
                }
            }
#pragma unroll
            for (int j = 0; j < most; j++) total[j] += sum[j];
            __syncthreads();
        }
#pragma unroll
        for (int j = 0; j < most; j++) shared[sharer * line + j * (places + 1) + own] = total[j];
        __syncthreads();
        // now thread (place, j): neighbours lie side by side in y
        const bool by_place = p.swapped;
        for (int i = t; i < places * p.width; i += threads) {
            const int place = by_place ? i % places : i / p.width, j = by_place ? i / places : i % p.width;
            const int64_t along = at - own + place;
            if (along >= p.length) continue;
            float sum = shared[j * (places + 1) + place];
#pragma unroll
            for (int s = 1; s < sharers; s++) sum += shared[s * line + j * (places + 1) + place];
            const int64_t row = p.swapped ? j : along, column = p.swapped ? along : j;
            const int64_t n = p.swapped ? p.length : p.width, m = p.swapped ? p.width : p.length;
            if (p.parts > 1) static_cast<float*>(p.partial)[((part * p.batches.size + batch) * m + row) * n + column] = sum;
            else finish.write(sum, batch, row, column);
        }
        __syncthreads();
    }
}

constexpr int64_t most_short = 32;

}  // namespace

const char* matmul_skinny_obstacle(const MatmulProblem& p, const Device&) {
    if (p.dtype != 'f' && p.dtype != 'e' && p.dtype != 'E') return "no dtype of its";
    // tensor cores beat it from 17 on, where their tiles can be loaded at once
    return std::min(p.m, p.n) > (p.dtype == 'f' ? most_short : most_short / 2) ? "neither few rows nor few columns" : nullptr;
}

void launch_matmul_skinny(const MatmulProblem& p, Stream stream) {
    Skinny s = {};
    s.swapped = p.n > most_short || (p.m < p.n && p.m <= most_short);
    s.left = s.swapped ? p.b : p.a;
    s.right = s.swapped ? p.a : p.b;
    s.left_index = s.swapped ? 1 : 0;
    s.length = s.swapped ? p.n : p.m;
    s.width = int(s.swapped ? p.m : p.n);
    s.k = p.k;
    s.batches = p.batches;
    s.along_k = s.left.k == 1 && s.left.outer != 1;
    const int64_t strips = (s.length + places - 1) / places, bytes = p.m * p.n * p.batches.size * 4;
    const int64_t fits = std::min<int64_t>(scratch().bytes, 1 << 23) / bytes;
    const int64_t parts = std::max<int64_t>(1, std::min<int64_t>({264 / (strips * p.batches.size), p.k / least_part, fits}));
    s.part_k = std::max<int64_t>(1, ((p.k + parts - 1) / parts + chunk_k - 1) / chunk_k) * chunk_k;
    s.parts = std::max<int64_t>(1, (p.k + s.part_k - 1) / s.part_k);
    s.count = strips * s.parts * p.batches.size;
    if (s.parts > 1) s.partial = scratch().data;
    const bool packets = s.along_k && packets_along(true, p, s.left_index);
    const Launch how = {dim3(unsigned(std::min<int64_t>(s.count, INT32_MAX))), threads, 0, stream};
    for_float_dtype(p.dtype, [&](auto zero) {
        using T = decltype(zero);
        if constexpr (sizeof(T) <= 4) {
            constexpr int packet = int(16 / sizeof(T));
            auto finish = finish_of<T, float>(p.epilogue);
            if (s.width <= most_short / 2)
                packets ? launch<matmul_skinny_kernel<T, 16, packet>>(how, s, finish)
                        : launch<matmul_skinny_kernel<T, 16, 1>>(how, s, finish);
            else if constexpr (sizeof(T) == 4)
                packets ? launch<matmul_skinny_kernel<T, 32, packet>>(how, s, finish)
                        : launch<matmul_skinny_kernel<T, 32, 1>>(how, s, finish);
            if (s.parts > 1) {
                const int64_t written = (p.n + finish.width - 1) / finish.width * p.m * p.batches.size;
                launch<add_parts_kernel<Finish<T, float>>>(
                    {dim3(unsigned(std::min<int64_t>((written + 255) / 256, 65536))), 256, 0, stream}, finish,
                    static_cast<const float*>(s.partial), s.parts, p.batches.size, p.m, p.n);
            }
            sum_columns_of_y<T, float>(p, stream);
        }
    });
}

}  // namespace gpudl
