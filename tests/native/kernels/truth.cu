// Small kernels that show what an instruction does: tests/native/test_instructions.py compares them with NumPy, and the emulation with a GPU.
#include <gpudl/platform.h>

#include "../../../csrc/cuda/ptx/copy_sm80.cuh"
#include "../../../csrc/cuda/ptx/grid_sm90.cuh"
#include "../../../csrc/cuda/ptx/mma_sm80.cuh"
#include "../../../csrc/cuda/ptx/mbarrier_sm90.cuh"
#include "../../../csrc/cuda/ptx/stmatrix_sm90.cuh"
#include "../../../csrc/cuda/ptx/tma_sm90.cuh"
#include "../../../csrc/cuda/ptx/wgmma_sm90.cuh"

namespace gpudl {
namespace {

constexpr int room = 64 * 1024;  // bytes of shared memory for an image; barriers lie behind it
constexpr size_t all_shared = room + 64;

struct Coordinates {
    int c[4];
};

// Reads attributes one after the other.
struct Reader {
    const Scalar* next;
    int64_t one() { return (next++)->integer; }
    template <class T> void read(T* to, int n) {
        for (int i = 0; i < n; i++) to[i] = T(one());
    }
};

__global__ void shuffles_kernel(int* y, const int* x) {
    const int lane = int(threadIdx.x), v = x[lane];
    constexpr unsigned all = 0xffffffffu;
    y[lane] = __shfl_sync(all, v, 3);
    y[32 + lane] = __shfl_sync(all, v, lane / 2, 8);
    y[64 + lane] = __shfl_xor_sync(all, v, 5);
    y[96 + lane] = __shfl_xor_sync(all, v, 8, 8);
    y[128 + lane] = __shfl_up_sync(all, v, 3, 16);
    y[160 + lane] = __shfl_down_sync(all, v, 3, 16);
    y[192 + lane] = int(__ballot_sync(all, v & 1));
    y[224 + lane] = int(__match_any_sync(all, v & 3));
    y[256 + lane] = __any_sync(all, v == 7) * 2 + __all_sync(all, v >= 0);
    const unsigned half = lane < 16 ? 0x0000ffffu : 0xffff0000u;
    y[288 + lane] = __shfl_xor_sync(half, v, 1);
}

__global__ void votes_kernel(int* y, const int* x, int* counters) {
    const int v = x[threadIdx.x];
    const int count = __syncthreads_count(v & 1), any = __syncthreads_or(v > 60), every = __syncthreads_and(v >= 0);
    y[threadIdx.x] = count * 4 + any * 2 + every;
    atomicAdd(&counters[0], v);
    atomicMax(&counters[1], v);
    atomicMin(&counters[2], v);
    atomicOr(&counters[3], v);
    atomicAnd(&counters[4], v);
    atomicXor(&counters[5], v);
    atomicCAS(&counters[6], 11, 12);
}

__global__ void shared_base_kernel(unsigned* y) {
    GPUDL_DYNAMIC_SHARED(unsigned char, memory);
    if (threadIdx.x == 0) y[0] = ptx::shared_address(memory);
}

__global__ void mma_kernel(float* d, const unsigned* a, const unsigned* b, const float* c, int kind) {
#ifdef GPUDL_SM80
    const int lane = int(threadIdx.x);
    unsigned ra[4], rb[2];
    float rc[4], rd[4];
    for (int i = 0; i < 4; i++) ra[i] = a[4 * lane + i];
    for (int i = 0; i < 2; i++) rb[i] = b[2 * lane + i];
    for (int i = 0; i < 4; i++) rc[i] = c[4 * lane + i];
    if (kind == 0) ptx::mma_m16n8k16_bf16(rd, ra, rb, rc);
    else if (kind == 1) ptx::mma_m16n8k16_f16(rd, ra, rb, rc);
    else ptx::mma_m16n8k8_tf32(rd, ra, rb, rc);
    for (int i = 0; i < 4; i++) d[4 * lane + i] = rd[i];
#endif
}

__global__ void round_kernel(unsigned* y, const float* x) {
#ifdef GPUDL_SM80
    y[threadIdx.x] = ptx::to_tf32(x[threadIdx.x]);
#endif
}

__global__ void functions_kernel(float* larger, float* power, const float* a, const float* b) {
    larger[threadIdx.x] = ptx::max_nan(a[threadIdx.x], b[threadIdx.x]);
    power[threadIdx.x] = ptx::exp2_approx(a[threadIdx.x]);
}

// One warpgroup gives registers away, two take them; what they hold stays.
__global__ void __launch_bounds__(384, 1) registers_kernel(float* y, const float* x) {
#ifdef GPUDL_SM90
    const float held = x[threadIdx.x];
    if (threadIdx.x < 128) ptx::registers_give<40>();
    else ptx::registers_take<232>();
    y[threadIdx.x] = held * (threadIdx.x < 128 ? 2.0f : 3.0f);
#endif
}

__global__ void ldmatrix_kernel(unsigned* y, const unsigned* image, int count, int transposed) {
#ifdef GPUDL_SM80
    GPUDL_SHARED_ARRAY(uint4, rows, [32]);
    const int lane = int(threadIdx.x);
    rows[lane] = load(reinterpret_cast<const uint4*>(image) + lane);
    __syncwarp();
    unsigned r4[4] = {0, 0, 0, 0}, r2[2] = {0, 0};
    if (count == 4 && transposed) ptx::ldmatrix_x4_trans(r4, &rows[lane]);
    else if (count == 4) ptx::ldmatrix_x4(r4, &rows[lane]);
    else if (transposed) ptx::ldmatrix_x2_trans(r2, &rows[lane % 16]);
    else ptx::ldmatrix_x2(r2, &rows[lane % 16]);
    for (int i = 0; i < 4; i++) y[4 * lane + i] = count == 4 ? r4[i] : i < 2 ? r2[i] : 0;
#endif
}

__global__ void stmatrix_kernel(unsigned* image, unsigned* back, const unsigned* x) {
#ifdef GPUDL_SM90
    GPUDL_SHARED_ARRAY(uint4, rows, [32]);
    const int lane = int(threadIdx.x);
    unsigned r[4];
    for (int i = 0; i < 4; i++) r[i] = x[4 * lane + i];
    ptx::stmatrix_x4(&rows[lane], r);
    __syncwarp();
    const uint4 row = rows[lane];
    image[4 * lane] = row.x;
    image[4 * lane + 1] = row.y;
    image[4 * lane + 2] = row.z;
    image[4 * lane + 3] = row.w;
    ptx::ldmatrix_x4(r, &rows[lane]);
    for (int i = 0; i < 4; i++) back[4 * lane + i] = r[i];
#endif
}

// Two groups in flight; of each 16 bytes `bytes` are copied, the rest is zeros.
__global__ void copies_kernel(float* y, const float* x, int bytes) {
#ifdef GPUDL_SM80
    GPUDL_SHARED_ARRAY(float4, tile, [2][32]);
    GPUDL_SHARED_ARRAY(float, small, [3][32]);
    const int t = int(threadIdx.x);
    ptx::copy_16(&tile[0][t], x + 4 * t, bytes);
    ptx::copy_small<4>(&small[0][t], x + t);
    ptx::copy_commit();
    ptx::copy_16(&tile[1][t], x + 128 + 4 * t);
    if (t % 2 == 0) ptx::copy_small<8>(&small[1][t], x + 64 + t, bytes / 2);
    ptx::copy_commit();
    ptx::copy_wait<1>();
    __syncwarp();
    const float4 first = tile[0][31 - t];
    y[t] = first.x;
    y[32 + t] = first.w;
    y[64 + t] = small[0][31 - t];
    ptx::copy_wait<0>();
    __syncwarp();
    y[96 + t] = tile[1][31 - t].y;
    y[128 + t] = small[1][31 - t];
#endif
}

// A ring of two slots between a producing and a consuming warp: phases and parities over several rounds.
__global__ void ring_kernel(float* y, const float* x, int rounds) {
#ifdef GPUDL_SM90
    GPUDL_SHARED_ARRAY(float, slots, [2][32]);
    GPUDL_SHARED_ARRAY(uint64_t, full, [2]);
    GPUDL_SHARED_ARRAY(uint64_t, empty, [2]);
    const int lane = int(threadIdx.x) % 32;
    if (threadIdx.x == 0) {
        for (int i = 0; i < 2; i++) {
            ptx::mbarrier_init(&full[i], 32);
            ptx::mbarrier_init(&empty[i], 32);
        }
    }
    __syncthreads();
    for (int i = 0; i < rounds; i++) {
        const int slot = i % 2;
        const unsigned parity = unsigned(i / 2 % 2);
        if (threadIdx.x < 32) {
            ptx::mbarrier_wait(&empty[slot], parity ^ 1);
            slots[slot][lane] = x[32 * i + lane];
            ptx::mbarrier_arrive(&full[slot]);
        } else {
            ptx::mbarrier_wait(&full[slot], parity);
            y[32 * i + lane] = slots[slot][31 - lane];
            ptx::mbarrier_arrive(&empty[slot]);
        }
    }
#endif
}

// Two pairs of warps meet at named barriers of their own; the first warp of each only arrives.
__global__ void named_barriers_kernel(float* y, const float* x) {
    GPUDL_SHARED_ARRAY(float, values, [4][32]);
    const int warp = int(threadIdx.x) / 32, lane = int(threadIdx.x) % 32;
    if (warp % 2 == 0) {
        values[warp][lane] = x[threadIdx.x];
        ptx::named_barrier_arrive(1 + warp / 2, 64);
    } else {
        ptx::named_barrier_sync(1 + warp / 2, 64);
        y[32 * (warp / 2) + lane] = values[warp - 1][31 - lane];
    }
}

__global__ void __launch_bounds__(128) tma_load_kernel(unsigned* image, const __grid_constant__ TensorMap map, Coordinates at, int rank,
                                                       int offset_w, int offset_h, int box_bytes, int words) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned, memory);
    auto* barrier = reinterpret_cast<uint64_t*>(memory + room / 4);
    for (int i = int(threadIdx.x); i < words; i += 128) memory[i] = 0xeeeeeeee;
    ptx::fence_proxy_async();
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(barrier, 1);
        ptx::fence_barrier_init();
    }
    __syncthreads();
    if (threadIdx.x == 0) {
        ptx::tma_prefetch_map(&map);
        ptx::mbarrier_arrive_expect(barrier, box_bytes);
        if (rank == 0) ptx::tma_load_im2col(memory, &map, barrier, at.c, offset_w, offset_h);
        else if (rank == 2) ptx::tma_load<2>(memory, &map, barrier, {at.c[0], at.c[1]});
        else if (rank == 3) ptx::tma_load<3>(memory, &map, barrier, {at.c[0], at.c[1], at.c[2]});
        else ptx::tma_load<4>(memory, &map, barrier, at.c);
    }
    ptx::mbarrier_wait(barrier, 0);
    for (int i = int(threadIdx.x); i < words; i += 128) image[i] = memory[i];
#endif
}

__global__ void __launch_bounds__(128)
    tma_store_kernel(const __grid_constant__ TensorMap map, Coordinates at, int rank, const unsigned* image, int words) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned, memory);
    for (int i = int(threadIdx.x); i < words; i += 128) memory[i] = image[i];
    ptx::fence_proxy_async();
    __syncthreads();
    if (threadIdx.x == 0) {
        if (rank == 3) ptx::tma_store<3>(&map, memory, {at.c[0], at.c[1], at.c[2]});
        else ptx::tma_store<4>(&map, memory, at.c);
        ptx::tma_commit();
        ptx::tma_wait_read<0>();
        for (int i = 0; i < 32 && i < words; i++) memory[i] = 0xdddddddd;  // what was there has been read
        ptx::tma_wait<0>();
    }
#endif
}

// Two blocks of a cluster each load one box for both.
__global__ void __launch_bounds__(128)
    multicast_kernel(unsigned* images, const __grid_constant__ TensorMap map, int box_rows, int box_bytes) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned, memory);
    auto* barrier = reinterpret_cast<uint64_t*>(memory + room / 4);
    const int rank = ptx::cluster_rank(), words = box_bytes / 4;
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(barrier, 1);
        ptx::fence_barrier_init();
    }
    ptx::cluster_sync();
    if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_expect(barrier, 2 * box_bytes);
        ptx::tma_load_multicast<3>(memory + rank * words, &map, barrier, {0, rank * box_rows, 0}, 3);
    }
    ptx::mbarrier_wait(barrier, 0);
    for (int i = int(threadIdx.x); i < 2 * words; i += 128) images[rank * 2 * words + i] = memory[i];
    ptx::cluster_sync();
#endif
}

// Each block of a cluster of two tells the other by an arrival that it has come.
__global__ void neighbours_kernel(int* y) {
#ifdef GPUDL_SM90
    GPUDL_SHARED_ARRAY(uint64_t, come, [1]);
    const int rank = ptx::cluster_rank();
    if (threadIdx.x == 0) {
        ptx::mbarrier_init(come, 1);
        ptx::fence_barrier_init();
    }
    ptx::cluster_sync();
    if (threadIdx.x == 0) {
        ptx::mbarrier_arrive_at(come, 1 - rank);
        ptx::mbarrier_wait(come, 0);
        y[blockIdx.x] = 10 * int(blockIdx.x) + rank;
    }
    ptx::cluster_sync();
#endif
}

// Lets the next grid begin at once, and writes much later.
__global__ void slow_kernel(float* y, const float* x, int turns) {
#ifdef GPUDL_SM90
    ptx::grid_launch_next();
    float v = x[threadIdx.x];
    for (int i = 0; i < turns; i++) v = fmaf(v, 1.0f, 1.0f);
    y[threadIdx.x] = v;
#endif
}
// Begins early, and reads what the grid before it wrote.
__global__ void early_kernel(float* y, const float* x) {
#ifdef GPUDL_SM90
    ptx::grid_wait();
    y[threadIdx.x] = -x[threadIdx.x];
#endif
}

struct Layout {
    int major_a, major_b, swizzle, leading_a, stride_a, leading_b, stride_b, start_a, start_b;
};

template <class T, int n, int major_a, int major_b> __global__ void __launch_bounds__(128)
    wgmma_kernel(float* y, const unsigned* a, const unsigned* b, Layout l) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned, memory);
    constexpr int words = room / 8;
    for (int i = int(threadIdx.x); i < words; i += 128) {
        memory[i] = a[i];
        memory[words + i] = b[i];
    }
    ptx::fence_proxy_async();
    __syncthreads();
    float d[n / 2];
    const uint64_t left = ptx::wgmma_operand(memory + l.start_a / 4, l.leading_a, l.stride_a, l.swizzle);
    const uint64_t right = ptx::wgmma_operand(memory + words + l.start_b / 4, l.leading_b, l.stride_b, l.swizzle);
    ptx::wgmma_fence();
    ptx::wgmma_k16<T, major_a, major_b>(d, left, right, 0);
    ptx::wgmma_commit();
    ptx::wgmma_wait<0>();
    const int t = int(threadIdx.x);
#pragma unroll
    for (int i = 0; i < n / 2; i++) y[(16 * (t / 32) + t % 32 / 4 + 8 * (i / 2 % 2)) * n + 8 * (i / 4) + 2 * (t % 4) + i % 2] = d[i];
#endif
}

template <class T, int n> void launch_wgmma(float* y, const unsigned* a, const unsigned* b, const Layout& l, Stream stream) {
    const Launch how{1, 128, all_shared, stream};
    if (!l.major_a && !l.major_b) launch<wgmma_kernel<T, n, 0, 0>>(how, y, a, b, l);
    else if (!l.major_a) launch<wgmma_kernel<T, n, 0, 1>>(how, y, a, b, l);
    else if (!l.major_b) launch<wgmma_kernel<T, n, 1, 0>>(how, y, a, b, l);
    else launch<wgmma_kernel<T, n, 1, 1>>(how, y, a, b, l);
}

// type, swizzle, rank, dims, strides but the first, box
TensorMapSpec read_tiles(Reader& from, const void* base) {
    TensorMapSpec spec;
    spec.base = uint64_t(reinterpret_cast<uintptr_t>(base));
    spec.type = MapType(from.one());
    spec.swizzle = int(from.one());
    spec.rank = int(from.one());
    if (spec.rank < 2 || spec.rank > 4) throw KernelError("a rank of 2 to 4");
    spec.strides[0] = uint64_t(map_item_bytes(spec.type));
    from.read(spec.dims, spec.rank);
    from.read(spec.strides + 1, spec.rank - 1);
    from.read(spec.box, spec.rank);
    return spec;
}

int box_bytes(const TensorMapSpec& spec) {
    int bytes = map_item_bytes(spec.type);
    for (int i = 0; i < spec.rank; i++) bytes *= int(spec.box[i]);
    if (bytes > room / 2) throw KernelError("a box of at most 32 KiB");
    return bytes;
}

}  // namespace

GPUDL_KERNEL(truth_shuffles, "i <- i") { launch<shuffles_kernel>({1, 32, 0, stream}, outs[0].as<int>(), ins[0].as<int>()); }

GPUDL_KERNEL(truth_votes, "i i <- i") {
    launch<votes_kernel>({1, unsigned(ins[0].size()), 0, stream}, outs[0].as<int>(), ins[0].as<int>(), outs[1].as<int>());
}

GPUDL_KERNEL(truth_shared_base, "I <- ") { launch<shared_base_kernel>({1, 32, all_shared, stream}, outs[0].as<unsigned>()); }

GPUDL_KERNEL(truth_mma, "f <- I I f ; i") {
    launch<mma_kernel>({1, 32, 0, stream}, outs[0].as<float>(), ins[0].as<unsigned>(), ins[1].as<unsigned>(), ins[2].as<float>(),
                       int(attrs[0].integer));
}

GPUDL_KERNEL(truth_round, "I <- f") {
    launch<round_kernel>({1, unsigned(ins[0].size()), 0, stream}, outs[0].as<unsigned>(), ins[0].as<float>());
}

GPUDL_KERNEL(truth_functions, "f f <- f f") {
    launch<functions_kernel>({1, unsigned(ins[0].size()), 0, stream}, outs[0].as<float>(), outs[1].as<float>(), ins[0].as<float>(),
                             ins[1].as<float>());
}

GPUDL_KERNEL(truth_registers, "f <- f") { launch<registers_kernel>({1, 384, 0, stream}, outs[0].as<float>(), ins[0].as<float>()); }

GPUDL_KERNEL(truth_ldmatrix, "I <- I ; i i") {
    launch<ldmatrix_kernel>({1, 32, 0, stream}, outs[0].as<unsigned>(), ins[0].as<unsigned>(), int(attrs[0].integer),
                            int(attrs[1].integer));
}

GPUDL_KERNEL(truth_stmatrix, "I I <- I") {
    launch<stmatrix_kernel>({1, 32, 0, stream}, outs[0].as<unsigned>(), outs[1].as<unsigned>(), ins[0].as<unsigned>());
}

GPUDL_KERNEL(truth_copies, "f <- f ; i") {
    launch<copies_kernel>({1, 32, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), int(attrs[0].integer));
}

GPUDL_KERNEL(truth_ring, "f <- f ; i") {
    launch<ring_kernel>({1, 64, 0, stream}, outs[0].as<float>(), ins[0].as<float>(), int(attrs[0].integer));
}

GPUDL_KERNEL(truth_named_barriers, "f <- f") {
    launch<named_barriers_kernel>({1, 128, 0, stream}, outs[0].as<float>(), ins[0].as<float>());
}

// tiles, then coordinates
GPUDL_KERNEL(truth_tma_load, "I <- I ; i*") {
    Reader from{attrs};
    const TensorMapSpec spec = read_tiles(from, ins[0].data);
    Coordinates at{};
    from.read(at.c, spec.rank);
    const int bytes = box_bytes(spec);
    launch<tma_load_kernel>({1, 128, all_shared, stream}, outs[0].as<unsigned>(), encode_tensor_map(spec), at, spec.rank, 0, 0, bytes,
                            int(outs[0].size()));
}

// type, swizzle, dims, strides but the first, channels, pixels, lower, upper, steps, coordinates, offsets
GPUDL_KERNEL(truth_tma_im2col, "I <- I ; i*") {
    Reader from{attrs};
    TensorMapSpec spec;
    spec.base = uint64_t(reinterpret_cast<uintptr_t>(ins[0].data));
    spec.im2col = 1;
    spec.rank = 4;
    spec.type = MapType(from.one());
    spec.swizzle = int(from.one());
    spec.strides[0] = uint64_t(map_item_bytes(spec.type));
    from.read(spec.dims, 4);
    from.read(spec.strides + 1, 3);
    spec.channels = uint32_t(from.one());
    spec.pixels = uint32_t(from.one());
    from.read(spec.lower, 2);
    from.read(spec.upper, 2);
    from.read(spec.step + 1, 2);
    Coordinates at{};
    from.read(at.c, 4);
    const int offset_w = int(from.one()), offset_h = int(from.one());
    const int bytes = map_item_bytes(spec.type) * int(spec.channels * spec.pixels);
    launch<tma_load_kernel>({1, 128, all_shared, stream}, outs[0].as<unsigned>(), encode_tensor_map(spec), at, 0, offset_w, offset_h, bytes,
                            int(outs[0].size()));
}

GPUDL_KERNEL(truth_tma_store, "I <- I ; i*") {
    Reader from{attrs};
    const TensorMapSpec spec = read_tiles(from, outs[0].data);
    Coordinates at{};
    from.read(at.c, spec.rank);
    box_bytes(spec);
    launch<tma_store_kernel>({1, 128, all_shared, stream}, encode_tensor_map(spec), at, spec.rank, ins[0].as<unsigned>(),
                             int(ins[0].size()));
}

GPUDL_KERNEL(truth_multicast, "I <- I ; i*") {
    Reader from{attrs};
    const TensorMapSpec spec = read_tiles(from, ins[0].data);
    launch<multicast_kernel>({2, 128, all_shared, stream, 2}, outs[0].as<unsigned>(), encode_tensor_map(spec), int(spec.box[1]),
                             box_bytes(spec));
}

GPUDL_KERNEL(truth_neighbours, "i <- ") { launch<neighbours_kernel>({unsigned(outs[0].size()), 32, 0, stream, 2}, outs[0].as<int>()); }

GPUDL_KERNEL(truth_early, "f f <- f ; i") {
    const unsigned n = unsigned(ins[0].size());
    launch<slow_kernel>({1, n, 0, stream}, outs[1].as<float>(), ins[0].as<float>(), int(attrs[0].integer));
    launch<early_kernel>({1, n, 0, stream, 1, true}, outs[0].as<float>(), outs[1].as<float>());
}

// half, n, then a Layout
GPUDL_KERNEL(truth_wgmma, "f <- I I ; i*") {
    Reader from{attrs};
    const bool half = from.one() != 0;
    const int64_t n = from.one();
    int numbers[9];
    from.read(numbers, 9);
    const Layout l{numbers[0], numbers[1], numbers[2], numbers[3], numbers[4], numbers[5], numbers[6], numbers[7], numbers[8]};
    auto* y = outs[0].as<float>();
    const auto *a = ins[0].as<unsigned>(), *b = ins[1].as<unsigned>();
    using B = __nv_bfloat16;
    if (half) launch_wgmma<__half, 64>(y, a, b, l, stream);
    else if (n == 64) launch_wgmma<B, 64>(y, a, b, l, stream);
    else if (n == 128) launch_wgmma<B, 128>(y, a, b, l, stream);
    else if (n == 192) launch_wgmma<B, 192>(y, a, b, l, stream);
    else launch_wgmma<B, 256>(y, a, b, l, stream);
}

}  // namespace gpudl
