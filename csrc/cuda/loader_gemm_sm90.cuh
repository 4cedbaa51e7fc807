// Feeds products of matrices, plain or in batches, to gemm_sm90.cuh.
//
// Maps, innermost first: {k, rows, batch}, a copy of 64 k by the rows of a tile; or turned {rows, k, batch}, a copy for each 64 rows.
#pragma once
#include "gemm_sm90.cuh"

namespace gpudl::sm90 {

template <class Cfg, bool turned_a_, bool turned_b_> struct MatrixLoader {
    static constexpr bool turned_a = turned_a_, turned_b = turned_b_, scattered = false;
    struct Parameters {
        int a_batches, b_batches;  // 0: the same matrix for every batch
    };
#ifdef GPUDL_SM90A
    const Work<MatrixLoader>& work;
    Tile t;
    int rank;
    __device__ __forceinline__ MatrixLoader(const Work<MatrixLoader>& w, const Tile& tile, int r) : work(w), t(tile), rank(r) {}

    __device__ __forceinline__ void load(unsigned char* a, unsigned char* b, uint64_t* barrier, int k) const {
        const int za = t.batch * work.load.a_batches, zb = t.batch * work.load.b_batches;
        if constexpr (!turned_a) {
            ptx::tma_load<3>(a, &work.a, barrier, {k * slot_k, t.m, za});
        } else {
            for (int j = 0; j < Cfg::rows / 64; j++) ptx::tma_load<3>(a + j * box_bytes, &work.a, barrier, {t.m + 64 * j, k * slot_k, za});
        }
        constexpr int share = Cfg::columns / Cfg::cluster;  // columns of B that this block loads, for the whole cluster
        const int n = t.n + rank * share;
        unsigned char* own = b + rank * share * 128;
        const auto load_b = [&](unsigned char* to, const int (&c)[3]) {
            if constexpr (Cfg::cluster == 1) ptx::tma_load<3>(to, &work.b, barrier, c);
            else ptx::tma_load_multicast<3>(to, &work.b, barrier, c, (1u << Cfg::cluster) - 1);
        };
        if constexpr (!turned_b) {
            load_b(own, {k * slot_k, n, zb});
        } else {
            for (int j = 0; j < share / 64; j++) load_b(own + j * box_bytes, {n + 64 * j, k * slot_k, zb});
        }
    }
    static __device__ __forceinline__ void load_old(const Work<MatrixLoader>& w, unsigned char* to, uint64_t* barrier, const Tile& t, int m,
                                                    int n) {
        ptx::tma_load<3>(to, &w.old, barrier, {n, m, t.z});
    }
    static __device__ __forceinline__ void store(const Work<MatrixLoader>& w, const unsigned char* from, const Tile& t, int m, int n) {
        ptx::tma_store<3>(&w.y, from, {n, m, t.z});
    }
#endif
};

}  // namespace gpudl::sm90
