// Multiplies tiles by the tensor cores of a warp (mma.sync): bfloat16, float16, float32 rounded to tf32, and float32 split into bfloat16.
//
// thread ↔ element: warps form a grid of `warps_m` x `warps_n` over a tile of `rows` x `columns`; a warp holds squares of 16 x 8 as mma lays
// them out. A slice of k lies in shared memory in chunks of 16 bytes, in the order of the operand in global memory: rows of chunks along k,
// read by ldmatrix, or rows along the outer axis, read by ldmatrix with transposition (floats: word by word). Chunks are swizzled, so that
// eight rows of a column of chunks lie in eight different groups of banks. Aligned operands come by cp.async through a ring of `stages`
// slices; others through registers, while the slice before is multiplied, through a ring of two. bytes moved per element of a tile of 128:
// (1 / 128 + 1 / 128) items a product. expected bound: tensor cores from k of some hundreds on, else the latency of the first slices.
//
// float32 as a sum of bfloat16 (hi + mid + low): `terms` of the nine products of parts are added, smallest first: 3 keep 16 bits of the
// operands, 6 keep 22, 9 all. Their sums are moved to a float32 total every 128 products, because tensor cores do not round sums.
#pragma once
#include "ptx/copy_sm80.cuh"
#include "ptx/mma_sm80.cuh"
#include "tile.cuh"

namespace gpudl {
namespace mma {

// How to multiply. Stored: what lies in shared memory, in `planes`; slice: numbers along k of one step of the ring.
struct Bf16 {
    using Stored = bfloat16;
    static constexpr int planes = 1, terms = 1, slice = 32;
};
struct F16 {
    using Stored = float16;
    static constexpr int planes = 1, terms = 1, slice = 32;
};
struct Tf32 {
    using Stored = float;
    static constexpr int planes = 1, terms = 1, slice = 16;
};
template <int products> struct Split {
    using Stored = bfloat16;
    static constexpr int planes = products == 3 ? 2 : 3, terms = products, slice = 32;
};

template <class How> struct Kind {
    using Stored = typename How::Stored;
    static constexpr int chunk = 16 / int(sizeof(Stored)), slice = How::slice, chunks_k = slice / chunk;
    static constexpr bool split = How::terms > 1;
    static_assert(chunks_k == 4, "the swizzle is made for rows of 64 bytes");
};

template <class Loader> constexpr bool lies_along_k = Loader::along_k || Loader::width == 1;

// Where chunk `c` of row `r` of a slice lies, in chunks: rows of four chunks along k, or of `lines / chunk` along the outer axis.
template <class How, bool along_k, int lines> __device__ __forceinline__ int chunk_at(int r, int c) {
    if constexpr (along_k) return r * 4 + (c ^ (r / 2 & 3));
    constexpr int row = lines / Kind<How>::chunk;
    return r * row + (c ^ (sizeof(typename How::Stored) == 4 ? (r & 3) * 2 : r & 7));
}

template <class How, int lines> constexpr int slice_bytes = How::planes * lines * How::slice * int(sizeof(typename How::Stored));

#ifdef GPUDL_SM80

// One operand on its way to shared memory: `lines` places along the outer axis by a slice of k, in chunks.
template <class How, class Loader, int lines, int threads> struct Feeder {
    using T = typename Loader::T;
    using Stored = typename How::Stored;
    static constexpr bool along_k = lies_along_k<Loader>;
    static constexpr int width = Loader::width, chunk = Kind<How>::chunk, packets = chunk / width;
    static constexpr int count = lines * 4 / threads, per_chunk = along_k ? 1 : packets;
    static_assert(count * threads == lines * 4 && packets * width == chunk, "whole chunks for every thread");

    typename Loader::Line line[count][per_chunk];
    T held[count][chunk];  // unused, and no registers, where copies are asynchronous

    static __device__ __forceinline__ void spot(const Loader& loader, int i, int& outer, int& k) {  // of chunk i of this thread
        const int at = int(threadIdx.x) + i * threads;
        if constexpr (width == 1) {
            const bool lanes_k = loader.lanes_along_k();
            outer = lanes_k ? at / 4 : at % lines;
            k = (lanes_k ? at % 4 : at / lines) * chunk;
        } else if constexpr (along_k) {
            outer = at / 4;
            k = at % 4 * chunk;
        } else {
            outer = at % (lines / chunk) * chunk;
            k = at / (lines / chunk);
        }
    }
    static __device__ __forceinline__ int place_of(int outer, int k) {
        return along_k ? chunk_at<How, true, lines>(outer, k / chunk) : chunk_at<How, false, lines>(k, outer / chunk);
    }

    __device__ __forceinline__ void aim(const Loader& loader, const T* base, int64_t first) {
#pragma unroll
        for (int i = 0; i < count; i++) {
            int outer, k;
            spot(loader, i, outer, k);
#pragma unroll
            for (int j = 0; j < per_chunk; j++) line[i][j] = loader.line(base, first + outer + j * width);
        }
    }
    __device__ __forceinline__ void copy(const Loader& loader, int64_t first_k, unsigned char* to) const {
        static_assert(packets == 1 || width < chunk);
#pragma unroll
        for (int i = 0; i < count; i++) {
            int outer, k;
            spot(loader, i, outer, k);
            const Place<T> place = loader.place(line[i][0], loader.step(first_k + k));
            ptx::copy_16(to + place_of(outer, k) * 16, place.from, place.count * int(sizeof(T)));
        }
    }
    __device__ __forceinline__ void fetch(const Loader& loader, int64_t first_k) {
#pragma unroll
        for (int i = 0; i < count; i++) {
            int outer, k;
            spot(loader, i, outer, k);
#pragma unroll
            for (int p = 0; p < packets; p++) {
                const Place<T> place = loader.place(line[i][along_k ? 0 : p], loader.step(first_k + k + (along_k ? p * width : 0)));
                if (width > 1 && place.count == width) {
                    const Packet<T, width> packet = load(reinterpret_cast<const Packet<T, width>*>(place.from));
#pragma unroll
                    for (int j = 0; j < width; j++) held[i][p * width + j] = packet.item[j];
                } else {
#pragma unroll
                    for (int j = 0; j < width; j++) held[i][p * width + j] = j < place.count ? place.from[j] : T{};
                }
            }
        }
    }
    __device__ __forceinline__ void put(const Loader& loader, unsigned char* to) const {
#pragma unroll
        for (int i = 0; i < count; i++) {
            int outer, k;
            spot(loader, i, outer, k);
            unsigned char* spot_in_plane = to + place_of(outer, k) * 16;
            if constexpr (!Kind<How>::split) {
                Packet<T, chunk> packet;
#pragma unroll
                for (int j = 0; j < chunk; j++) packet.item[j] = held[i][j];
                store(reinterpret_cast<Packet<T, chunk>*>(spot_in_plane), packet);
            } else {
                float rest[chunk];
#pragma unroll
                for (int j = 0; j < chunk; j++) rest[j] = held[i][j];
#pragma unroll
                for (int plane = 0; plane < How::planes; plane++) {
                    Packet<Stored, chunk> packet;
#pragma unroll
                    for (int j = 0; j < chunk; j++) {
                        packet.item[j] = narrow<Stored>(rest[j]);
                        const float left = rest[j] - wide(packet.item[j]);
                        rest[j] = left - left == 0.0f ? left : 0.0f;  // nothing is left of inf and NaN
                    }
                    store(reinterpret_cast<Packet<Stored, chunk>*>(spot_in_plane + plane * lines * 64), packet);
                }
            }
        }
    }
};

// The operands of mma for 16 rows (a) or 16 columns (b, of two squares) from place `first` on, and two chunks along k from `c` on. In r:
// a: rows 0-7 and 8-15 of the first chunk, then of the second; b: both chunks of columns 0-7, then of 8-15.
template <class How, bool along_k, int lines, bool second>
__device__ __forceinline__ void fragment(uint32_t (&r)[4], const unsigned char* plane, int first, int c) {
    const int lane = int(threadIdx.x) % 32;
    const int outer8 = second ? lane / 16 : lane / 8 % 2, k_chunk = second ? lane / 8 % 2 : lane / 16;
    if constexpr (along_k) {
        ptx::ldmatrix_x4(r, plane + chunk_at<How, true, lines>(first + outer8 * 8 + lane % 8, c + k_chunk) * 16);
    } else if constexpr (sizeof(typename How::Stored) == 2) {
        ptx::ldmatrix_x4_trans(r, plane + chunk_at<How, false, lines>((c + k_chunk) * 8 + lane % 8, first / 8 + outer8) * 16);
    } else {
#pragma unroll
        for (int i = 0; i < 4; i++) {
            const int outer = first + (second ? i / 2 : i % 2) * 8 + lane / 4, k = (c + (second ? i % 2 : i / 2)) * 4 + lane % 4;
            r[i] = load(reinterpret_cast<const uint32_t*>(plane + chunk_at<How, false, lines>(k, outer / 4) * 16 + outer % 4 * 4));
        }
    }
    if constexpr (sizeof(typename How::Stored) == 4) {
#pragma unroll
        for (int i = 0; i < 4; i++) r[i] = ptx::to_tf32(bits::to_float(r[i]));
    }
}

template <class How> __device__ __forceinline__ void multiply(float (&d)[4], const uint32_t (&a)[4], const uint32_t (&b)[2]) {
    if constexpr (std::is_same_v<How, F16>) ptx::mma_m16n8k16_f16(d, a, b, d);
    else if constexpr (std::is_same_v<How, Tf32>) ptx::mma_m16n8k8_tf32(d, a, b, d);
    else ptx::mma_m16n8k16_bf16(d, a, b, d);
}

// Which parts of the operands product i multiplies, smallest first.
template <int terms> __device__ constexpr int part_of(int i, bool second) {
    constexpr int nine[9][2] = {{2, 2}, {2, 1}, {1, 2}, {2, 0}, {1, 1}, {0, 2}, {1, 0}, {0, 1}, {0, 0}};
    return nine[9 - terms + i][second];
}

#endif

template <class A, class B, class How> constexpr bool asynchronous =
    !Kind<How>::split && A::width == Kind<How>::chunk && B::width == Kind<How>::chunk;

constexpr int stages_async = 4;

template <class How, int rows, int columns, int warps_m, bool async> constexpr size_t shared_needed() {
    const size_t ring = size_t(async ? stages_async : 2) * (slice_bytes<How, rows> + slice_bytes<How, columns>);
    const size_t stage = size_t(16) * warps_m * (columns + 4) * sizeof(float);
    return ring > stage ? ring : stage;
}

}  // namespace mma

template <class How, int rows, int columns, int warps_m, int warps_n, class A, class B, class F>
__global__ void __launch_bounds__(32 * warps_m * warps_n, sizeof(typename How::Stored) == 2 && How::terms == 1 ? 2 : 1)
    tile_mma_kernel(const __grid_constant__ A a, const __grid_constant__ B b, const __grid_constant__ F finish,
                    const __grid_constant__ Tiles tiles) {
#ifdef GPUDL_SM80
    using namespace mma;
    constexpr int threads = 32 * warps_m * warps_n, slice = How::slice, stages = asynchronous<A, B, How> ? stages_async : 2;
    constexpr int squares_m = rows / warps_m / 16, squares_n = columns / warps_n / 8;
    constexpr int bytes_a = slice_bytes<How, rows>, bytes_b = slice_bytes<How, columns>, bytes = bytes_a + bytes_b;
    constexpr bool a_along_k = lies_along_k<A>, b_along_k = lies_along_k<B>;
    static_assert(squares_n % 2 == 0, "columns of b come in pairs of squares");
    GPUDL_DYNAMIC_SHARED(unsigned char, memory);
    GPUDL_SHARED_ARRAY(Tile, shared_tile, [1]);  // read again at the end: the loop over k needs the registers
    const int lane = int(threadIdx.x) % 32, warp = int(threadIdx.x) / 32;
    const int first_row = warp / warps_n * (16 * squares_m), first_column = warp % warps_n * (8 * squares_n);

#pragma unroll 1
    for (int64_t work = blockIdx.x; work < tiles.count; work += gridDim.x) {
        if (threadIdx.x == 0) shared_tile[0] = tiles.at(work);
        __syncthreads();
        const int64_t first_k = shared_tile[0].first_k;
        Feeder<How, A, rows, threads> feed_a;
        Feeder<How, B, columns, threads> feed_b;
        feed_a.aim(a, a.base(shared_tile[0].batch), shared_tile[0].row);
        feed_b.aim(b, b.base(shared_tile[0].batch), shared_tile[0].column);

        float sum[squares_m][squares_n][4], total[Kind<How>::split ? squares_m : 1][squares_n][4];
#pragma unroll
        for (int i = 0; i < squares_m; i++) {
#pragma unroll
            for (int j = 0; j < squares_n; j++) {
#pragma unroll
                for (int e = 0; e < 4; e++) {
                    sum[i][j][e] = 0.0f;
                    if constexpr (Kind<How>::split) total[i][j][e] = 0.0f;
                }
            }
        }
        const int64_t end = min(shared_tile[0].end_k, tiles.k);
        const int slices = first_k < end ? int((end - first_k + slice - 1) / slice) : 0;  // k < 2^35
        const auto stage_at = [&](int s) { return memory + s % stages * bytes; };
        if constexpr (asynchronous<A, B, How>) {
#pragma unroll
            for (int s = 0; s < stages - 1; s++) {
                if (s < slices) {
                    feed_a.copy(a, first_k + int64_t(s) * slice, stage_at(s));
                    feed_b.copy(b, first_k + int64_t(s) * slice, stage_at(s) + bytes_a);
                }
                ptx::copy_commit();
            }
        } else if (slices > 0) {
            feed_a.fetch(a, first_k);
            feed_b.fetch(b, first_k);
            feed_a.put(a, memory);
            feed_b.put(b, memory + bytes_a);
        }
#pragma unroll 1
        for (int s = 0; s < slices; s++) {
            const int next = s + stages - 1;
            if constexpr (asynchronous<A, B, How>) ptx::copy_wait<stages - 2>();
            __syncthreads();
            if constexpr (asynchronous<A, B, How>) {
                if (next < slices) {
                    feed_a.copy(a, first_k + int64_t(next) * slice, stage_at(next));
                    feed_b.copy(b, first_k + int64_t(next) * slice, stage_at(next) + bytes_a);
                }
                ptx::copy_commit();
            } else if (next < slices) {
                feed_a.fetch(a, first_k + int64_t(next) * slice);
                feed_b.fetch(b, first_k + int64_t(next) * slice);
            }
            const unsigned char *slice_a = stage_at(s), *slice_b = slice_a + bytes_a;
#pragma unroll
            for (int c = 0; c < 4; c += 2) {
                uint32_t right[How::planes][squares_n / 2][4];
#pragma unroll
                for (int p = 0; p < How::planes; p++) {
#pragma unroll
                    for (int j = 0; j < squares_n / 2; j++)
                        fragment<How, b_along_k, columns, true>(right[p][j], slice_b + p * (bytes_b / How::planes), first_column + 16 * j,
                                                                c);
                }
#pragma unroll
                for (int i = 0; i < squares_m; i++) {
                    uint32_t left[How::planes][4];
#pragma unroll
                    for (int p = 0; p < How::planes; p++)
                        fragment<How, a_along_k, rows, false>(left[p], slice_a + p * (bytes_a / How::planes), first_row + 16 * i, c);
#pragma unroll
                    for (int term = 0; term < How::terms; term++) {
                        constexpr bool split = Kind<How>::split;
                        const int pa = split ? part_of<How::terms>(term, false) : 0, pb = split ? part_of<How::terms>(term, true) : 0;
#pragma unroll
                        for (int j = 0; j < squares_n; j++) {
                            const uint32_t pair[2] = {right[pb][j / 2][j % 2 * 2], right[pb][j / 2][j % 2 * 2 + 1]};
                            multiply<How>(sum[i][j], left[pa], pair);
                        }
                    }
                }
            }
            if constexpr (Kind<How>::split) {
                if (s + 1 == slices || (s + 1) % (chunk_k / slice) == 0) {
#pragma unroll
                    for (int i = 0; i < squares_m; i++) {
#pragma unroll
                        for (int j = 0; j < squares_n; j++) {
#pragma unroll
                            for (int e = 0; e < 4; e++) {
                                total[i][j][e] += sum[i][j][e];
                                sum[i][j][e] = 0.0f;
                            }
                        }
                    }
                }
            }
            if constexpr (!asynchronous<A, B, How>) {
                if (next < slices) {
                    feed_a.put(a, stage_at(next));
                    feed_b.put(b, stage_at(next) + bytes_a);
                }
            }
        }
        if constexpr (asynchronous<A, B, How>) ptx::copy_wait<0>();
        __syncthreads();

        const Tile tile = shared_tile[0];
        float* stage = reinterpret_cast<float*>(memory);
        constexpr int pitch = columns + 4, staged = 16 * warps_m;
        float column_sum = 0.0f;
#pragma unroll
        for (int i = 0; i < squares_m; i++) {
#pragma unroll
            for (int j = 0; j < squares_n; j++) {
#pragma unroll
                for (int half = 0; half < 2; half++) {
                    Packet<float, 2> pair;
#pragma unroll
                    for (int e = 0; e < 2; e++) {
                        if constexpr (Kind<How>::split) pair.item[e] = total[i][j][2 * half + e];
                        else pair.item[e] = sum[i][j][2 * half + e];
                    }
                    const int row = warp / warps_n * 16 + lane / 4 + 8 * half, column = first_column + 8 * j + lane % 4 * 2;
                    store(reinterpret_cast<Packet<float, 2>*>(stage + row * pitch + column), pair);
                }
            }
            __syncthreads();
            finish_rows<columns, threads>(
                finish, tiles, tile, stage, staged, pitch, [&](int r) { return tile.row + r / 16 * (16 * squares_m) + 16 * i + r % 16; },
                column_sum);
            __syncthreads();
        }
        finish_columns<columns>(finish, tiles, tile, column_sum);
    }
#endif
}

template <class How, int rows, int columns, int warps_m, int warps_n, class A, class B, class F>
void launch_mma_tiles(const A& a, const B& b, const F& finish, const Tiles& tiles, Stream stream) {
    constexpr size_t bytes = mma::shared_needed<How, rows, columns, warps_m, mma::asynchronous<A, B, How>>();
    launch<tile_mma_kernel<How, rows, columns, warps_m, warps_n, A, B, F>>(
        {dim3(tile_blocks(tiles)), dim3(32 * warps_m * warps_n), bytes, stream}, a, b, finish, tiles);
}

}  // namespace gpudl
