// Convolves images by tile_simt.cuh: float32 in packets of 4 channels, all else element by element. Mappings, bytes and bounds are those of the
// core, and what lies under several taps is read from the caches.
#include "conv_loader.cuh"
#include "tile_simt.cuh"

namespace gpudl {
namespace {

using namespace convolution;

constexpr int few_tiles = 100;  // of 128 x 128: below, tiles of 64 x 64 occupy more of the device. The bits are the same

template <class T, int width, int quads> void go(const ConvProblem& p, Stream stream) {
    using C = WideOf<T>;
    each_phase(p, stream, [&](const MatmulProblem& m, const Phase& phase) {
        const int64_t parts = parts_of(m.m, m.n, m.k, m.batches.size, sizeof(C));
        const Tiles tiles = tiles_of(m.m, m.n, m.k, m.batches.size, 64 * quads, 64 * quads, simt::slice, parts);
        const auto finish = finish_of<T, C>(m.epilogue);
        const auto windows = windows_of<T, width>(p, phase);
        const auto with = [&](const auto& a, const auto& b, const auto& finish) {
            launch_tiles<T, C>(m, tiles, finish, stream,
                               [&](const Tiles& t, const auto& f) { launch_simt_tiles<quads, quads>(a, b, f, t, stream); });
        };
        using Matrix = StridedLoader<T, width, false>;
        switch (p.what) {
            case Conv::forward: return with(WindowRows<T, width>{windows}, loader_of<Matrix>(m, 1), finish);
            case Conv::grad_kernel: return with(WindowColumns<T, width>{windows}, loader_of<Matrix>(m, 1), finish);
            case Conv::grad_input:
                return with(WindowRows<T, width>{windows}, turned_kernel_of<T, width>(p, phase),
                            Finish<T, C, PhaseRows>{m.epilogue, phase_rows_of(p.slide, phase), finish.plain, finish.aligned});
        }
    });
}

}  // namespace

const char* conv_simt_obstacle(const ConvProblem& p, const Device&) {
    if (p.sums_nothing()) return "nothing to add";
    return phases(p) > most_phases ? "the strides make too many phases" : nullptr;
}

void launch_conv_simt(const ConvProblem& p, Stream stream) {
    const Slide& a = p.slide;
    const MatmulProblem m = product_of(p, p.what == Conv::grad_input ? phase_of(a, 0) : whole(a));
    const bool packets = p.dtype == 'f' && conv_packets(p);
    if (!packets) return for_float_dtype(p.dtype, [&](auto zero) { go<decltype(zero), 1, 1>(p, stream); });
    const int64_t parts = parts_of(m.m, m.n, m.k, m.batches.size, 4);
    if (((m.m + 127) / 128) * ((m.n + 127) / 128) * m.batches.size * parts < few_tiles) return go<float, 4, 1>(p, stream);
    go<float, 4, 2>(p, stream);
}

}  // namespace gpudl
