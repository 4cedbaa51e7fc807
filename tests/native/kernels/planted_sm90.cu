// Planted bugs in what Hopper kernels do: the copy engine, products of warpgroups, clusters. See planted.cu.
#include <gpudl/platform.h>

#include "../../../csrc/cuda/ptx/mbarrier_sm90.cuh"
#include "../../../csrc/cuda/ptx/tma_sm90.cuh"
#include "../../../csrc/cuda/ptx/wgmma_sm90.cuh"

namespace gpudl {
namespace {

constexpr int slots = 2, tile_bytes = 64 * 128, slot_bytes = 2 * tile_bytes;

// y[64][64] = A[64][k] B[64][k]^T in bfloat16: one warpgroup loads, one multiplies, a ring of two slots between them.
template <int bug> __global__ void __launch_bounds__(256, 1)
    product_kernel(float* y, const __grid_constant__ TensorMap map_a, const __grid_constant__ TensorMap map_b, int tiles) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(unsigned char, memory);
    GPUDL_SHARED_ARRAY(uint64_t, full, [slots]);
    GPUDL_SHARED_ARRAY(uint64_t, empty, [slots]);
    if (threadIdx.x == 0) {
        for (int i = 0; i < slots; i++) {
            ptx::mbarrier_init(&full[i], 1);
            ptx::mbarrier_init(&empty[i], bug == 5 ? 2 : 1);  // waits for an arrival that never comes
        }
        if (bug != 9) ptx::fence_barrier_init();
    }
    if (bug != 1) __syncthreads();  // barriers used before they are known to be initialised
    if (threadIdx.x < 128) {
        if (threadIdx.x > 0) return;
        for (int k = 0; k < tiles; k++) {
            const int slot = k % slots;
            const unsigned parity = unsigned(k / slots % 2);
            ptx::mbarrier_wait(&empty[slot], bug == 2 ? parity : parity ^ 1);              // the wrong parity
            ptx::mbarrier_arrive_expect(&full[slot], bug == 3 ? tile_bytes : slot_bytes);  // fewer bytes than come
            ptx::tma_load<2>(memory + slot * slot_bytes, &map_a, &full[slot], {64 * k, 0});
            ptx::tma_load<2>(memory + slot * slot_bytes + tile_bytes, &map_b, &full[slot], {64 * k, 0});
        }
        return;
    }
    float d[32];
    for (int i = 0; i < 32; i++) d[i] = 0;
    for (int k = 0; k < tiles; k++) {
        const int slot = k % slots;
        ptx::mbarrier_wait(&full[slot], unsigned(k / slots % 2));
        if (bug != 8) ptx::wgmma_fence();
        for (int part = 0; part < 4; part++) {
            const unsigned char* at = memory + slot * slot_bytes + 32 * part;
            const uint64_t a = ptx::wgmma_operand(at, 16, 1024, bug == 4 ? 64 : 128);  // another swizzle than was loaded
            ptx::wgmma_k16<__nv_bfloat16, 0, 0>(d, a, ptx::wgmma_operand(at + tile_bytes, 16, 1024, 128), 1);
        }
        ptx::wgmma_commit();
        if (bug == 6 && threadIdx.x == 128) ptx::mbarrier_arrive(&empty[slot]);  // released before it was read
        ptx::wgmma_wait<0>();
        if (bug == 6) continue;
        if (bug != 7) ptx::named_barrier_sync(1, 128);  // a wait is for the own warp alone
        if (threadIdx.x == 128) ptx::mbarrier_arrive(&empty[slot]);
    }
    const int t = int(threadIdx.x) - 128;
    for (int i = 0; i < 32; i++) y[(16 * (t / 32) + t % 32 / 4 + 8 * (i / 2 % 2)) * 64 + 8 * (i / 4) + 2 * (t % 4) + i % 2] = d[i];
#endif
}

// y[3][32][32] = x through staging memory for one box, which is stored and filled again.
template <int bug> __global__ void __launch_bounds__(128) staging_kernel(const __grid_constant__ TensorMap map, const float* x) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(float, staging);
    const int t = int(threadIdx.x);
    for (int box = 0; box < 3; box++) {
        for (int i = t; i < 1024; i += 128) staging[i] = x[1024 * box + i];
        if (bug != 1) ptx::fence_proxy_async();  // the copy engine may not see what was written
        if (bug != 2) __syncthreads();           // others may not have written yet
        if (t == 0) {
            ptx::tma_store<3>(&map, staging, {0, 0, box});
            if (bug != 4 || box < 2) ptx::tma_commit();        // the last one is never committed
            if (bug != 3 && box < 2) ptx::tma_wait_read<0>();  // filled again while the copy engine reads
        }
        __syncthreads();
    }
    if (t == 0 && bug != 5) ptx::tma_wait<0>();  // leaves while the copy engine reads
#endif
}

// Two blocks of a cluster load one half each for both; y[2][2][32 * 32].
template <int bug> __global__ void __launch_bounds__(128) cluster_kernel(float* y, const __grid_constant__ TensorMap map) {
#ifdef GPUDL_SM90
    GPUDL_DYNAMIC_SHARED(float, memory);
    GPUDL_SHARED_ARRAY(uint64_t, come, [1]);
    const int rank = ptx::cluster_rank(), t = int(threadIdx.x);
    if (t == 0) {
        ptx::mbarrier_init(come, 1);
        ptx::fence_barrier_init();
    }
    if (bug == 1) __syncthreads();  // the other block's barrier may not be there yet
    else ptx::cluster_sync();
    if (t == 0) {
        ptx::mbarrier_arrive_expect(come, 2 * 4096);
        ptx::tma_load_multicast<3>(memory + 1024 * rank, &map, come, {0, 0, rank}, bug == 3 ? 7 : 3);  // to a third block
    }
    if (bug == 4 && rank == 1) return;  // the other half lands in a block that has gone
    ptx::mbarrier_wait(come, 0);
    for (int i = t; i < 2048; i += 128) y[2048 * rank + i] = memory[i];
    if (bug == 2 && rank == 1) ptx::cluster_sync();  // two barriers that are not the same
    else ptx::cluster_sync();
#endif
}

TensorMapSpec spec_of(const void* base, MapType type, int rank, std::initializer_list<int> sizes, std::initializer_list<int> box,
                      int swizzle) {
    TensorMapSpec spec;
    spec.base = uint64_t(reinterpret_cast<uintptr_t>(base));
    spec.type = type;
    spec.rank = rank;
    spec.swizzle = swizzle;
    spec.strides[0] = uint64_t(map_item_bytes(type));
    for (int i = 0; i < rank; i++) {
        spec.dims[i] = uint64_t(sizes.begin()[i]);
        spec.box[i] = uint32_t(box.begin()[i]);
        if (i) spec.strides[i] = spec.strides[i - 1] * spec.dims[i - 1];
    }
    return spec;
}

template <int last, class Launch> void choose(int64_t bug, Launch launch_bug) {
    if constexpr (last >= 0) {
        if (bug == last) launch_bug(std::integral_constant<int, last>{});
        else choose<last - 1>(bug, launch_bug);
    } else {
        throw KernelError("no such bug");
    }
}

}  // namespace

GPUDL_KERNEL(planted_product, "f <- E E ; i") {
    const int k = int(ins[0].shape[1]);
    const TensorMap a = encode_tensor_map(spec_of(ins[0].data, MapType::bf16, 2, {k, 64}, {64, 64}, 128));
    const TensorMap b = encode_tensor_map(spec_of(ins[1].data, MapType::bf16, 2, {k, 64}, {64, 64}, 128));
    choose<9>(attrs[0].integer, [&](auto bug) {
        launch<product_kernel<decltype(bug)::value>>({1, 256, slots * slot_bytes, stream}, outs[0].as<float>(), a, b, k / 64);
    });
}

GPUDL_KERNEL(planted_staging, "f <- f ; i") {
    const TensorMap map = encode_tensor_map(spec_of(outs[0].data, MapType::f32, 3, {32, 32, 3}, {32, 32, 1}, 0));
    choose<5>(attrs[0].integer,
              [&](auto bug) { launch<staging_kernel<decltype(bug)::value>>({1, 128, 4096, stream}, map, ins[0].as<float>()); });
}

GPUDL_KERNEL(planted_cluster, "f <- f ; i") {
    const TensorMap map = encode_tensor_map(spec_of(ins[0].data, MapType::f32, 3, {32, 32, 2}, {32, 32, 1}, 0));
    choose<4>(attrs[0].integer,
              [&](auto bug) { launch<cluster_kernel<decltype(bug)::value>>({2, 128, 8192, stream, 2}, outs[0].as<float>(), map); });
}

}  // namespace gpudl
