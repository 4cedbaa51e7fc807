// Feeds convolutions of images (N, H, W, C) to gemm_sm90.cuh: no column buffer, the copy engine walks over windows itself (im2col mode).
//
//   forward          y[pixel][k]      = sum over (tap, c)  windows of x[pixel][tap, c]  kernel[tap, c][k]
//   input gradient   dx[pixel][c]     = sum over (tap, k)  windows of g[pixel][tap, k]  kernel[tap, c][k], taps backwards; phase by phase
//   kernel gradient  dk[tap, c][k]    = sum over pixels    windows of x[pixel][tap, c]  g[pixel][k]
//
// A slot is 64 channels of one tap, or 64 pixels (kernel gradient). Maps, innermost first: windows {C, W, H, N}; kernel {K, C, R S}, a copy
// of 64 k by 64 c (forward) or by the columns of a tile; g {K, pixels}; dk {K, C, R S, parts}. Channels beyond the last and what lies
// outside of the image arrive as zeros, so that neither needs code. Phases: conv_loader.cuh.
#pragma once
#include "conv_loader.cuh"
#include "gemm_sm90.cuh"

namespace gpudl::sm90 {

struct WindowParameters {
    int c_slots, taps, taps_w;                                 // slots of 64 channels in a tap; taps of the window; of a row of it
    int columns, pixels;                                       // windows of a row, of an image
    int start_w, start_h, stride_w, stride_h, step_w, step_h;  // window i begins at start + i stride; tap j lies j step further
    int tap, tap_row, tap_step;                                // of the kernel: the first one's, from a row to the next, to the next
    void* y;                                                   // of scattered rows
    convolution::PhaseRows rows;
    __device__ __forceinline__ int64_t place(int row) const { return rows(row); }
};

#ifdef GPUDL_SM90A
struct Window {
    int w, h, n;
};
__device__ __forceinline__ Window window_of(const WindowParameters& p, int pixel) {
    const int n = pixel / p.pixels, in = pixel - n * p.pixels, row = in / p.columns;
    return {(in - row * p.columns) * p.stride_w + p.start_w, row * p.stride_h + p.start_h, n};
}
#endif

// back: the input gradient. scattered: its rows are not neighbours, as those of a phase.
template <class Cfg, bool back, bool scattered_> struct WindowLoader {
    static constexpr bool turned_a = false, turned_b = !back, scattered = scattered_;
    static_assert(Cfg::cluster == 1);
    using Parameters = WindowParameters;
#ifdef GPUDL_SM90A
    const Work<WindowLoader>& work;
    Tile t;
    Window at;
    __device__ __forceinline__ WindowLoader(const Work<WindowLoader>& w, const Tile& tile, int)
        : work(w), t(tile), at(window_of(w.load, tile.m)) {}

    __device__ __forceinline__ void load(unsigned char* a, unsigned char* b, uint64_t* barrier, int k) const {
        const WindowParameters& p = work.load;
        const int tap = k / p.c_slots, c = (k - tap * p.c_slots) * 64, r = tap / p.taps_w, s = tap - r * p.taps_w;
        ptx::tma_load_im2col(a, &work.a, barrier, {c, at.w, at.h, at.n}, s * p.step_w, r * p.step_h);
        const int of_kernel = p.tap + r * p.tap_row + s * p.tap_step;
        if constexpr (back) {
            ptx::tma_load<3>(b, &work.b, barrier, {c, t.n, of_kernel});
        } else {
            for (int j = 0; j < Cfg::columns / 64; j++) ptx::tma_load<3>(b + j * box_bytes, &work.b, barrier, {t.n + 64 * j, c, of_kernel});
        }
    }
    static __device__ __forceinline__ void load_old(const Work<WindowLoader>& w, unsigned char* to, uint64_t* barrier, const Tile& t, int m,
                                                    int n) {
        ptx::tma_load<3>(to, &w.old, barrier, {n, m, t.z});
    }
    static __device__ __forceinline__ void store(const Work<WindowLoader>& w, const unsigned char* from, const Tile& t, int m, int n) {
        ptx::tma_store<3>(&w.y, from, {n, m, t.z});
    }
#endif
};

template <class Cfg> struct KernelGradientLoader {
    static constexpr bool turned_a = true, turned_b = true, scattered = false;
    static_assert(Cfg::cluster == 1);
    using Parameters = WindowParameters;
#ifdef GPUDL_SM90A
    const Work<KernelGradientLoader>& work;
    Tile t;
    __device__ __forceinline__ KernelGradientLoader(const Work<KernelGradientLoader>& w, const Tile& tile, int) : work(w), t(tile) {}

    __device__ __forceinline__ void load(unsigned char* a, unsigned char* b, uint64_t* barrier, int k) const {
        const WindowParameters& p = work.load;
        const Window at = window_of(p, k * slot_k);
        for (int j = 0; j < Cfg::rows / 64; j++) {
            const int block = t.m / 64 + j, tap = block / p.c_slots, c = (block - tap * p.c_slots) * 64;
            const int some = tap < p.taps ? tap : 0, r = some / p.taps_w, s = some - r * p.taps_w;  // beyond the last: never stored
            ptx::tma_load_im2col(a + j * box_bytes, &work.a, barrier, {c, at.w, at.h, at.n}, s * p.step_w, r * p.step_h);
        }
        for (int j = 0; j < Cfg::columns / 64; j++) ptx::tma_load<3>(b + j * box_bytes, &work.b, barrier, {t.n + 64 * j, k * slot_k, 0});
    }
    static __device__ __forceinline__ void load_old(const Work<KernelGradientLoader>&, unsigned char*, uint64_t*, const Tile&, int, int) {}
    static __device__ __forceinline__ void store(const Work<KernelGradientLoader>& w, const unsigned char* from, const Tile& t, int m,
                                                 int n) {
        const int block = m / 64, tap = block / w.load.c_slots, c = (block - tap * w.load.c_slots) * 64;
        ptx::tma_store<4>(&w.y, from, {n, c, tap, t.z});
    }
#endif
};

}  // namespace gpudl::sm90
