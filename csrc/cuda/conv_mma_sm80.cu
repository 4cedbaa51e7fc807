// Convolves images on tensor cores by tile_mma_sm80.cuh: 16-bit floats always, float32 where set_matmul_precision allows it. Mappings, bytes and
// bounds are those of the core.
//
// Packets of 8 channels (4 of float32) come by cp.async, zeros for what lies outside of the image. Other numbers of channels (3, of a first
// layer) are gathered element by element, while the kernel or the gradient beside them still comes in packets where it has some.
#include "conv_loader.cuh"
#include "tile_mma_sm80.cuh"

namespace gpudl {
namespace {

using namespace convolution;

constexpr int few_tiles = 100;  // of 128 x 128: below, narrower ones occupy more of the device. The bits are the same

// How<…>: how to multiply. Elements of a packet: of windows, and of the other operand.
template <class How, class T, int windows_width, int width, int rows, int columns> void go(const ConvProblem& p, Stream stream) {
    constexpr int warps_m = rows / 32, warps_n = columns >= 128 && rows < 128 ? 4 : 2;
    each_phase(p, stream, [&](const MatmulProblem& m, const Phase& phase) {
        const int64_t parts = parts_of(m.m, m.n, m.k, m.batches.size, 4);
        const Tiles tiles = tiles_of(m.m, m.n, m.k, m.batches.size, rows, columns, How::slice, parts);
        const auto finish = finish_of<T, float>(m.epilogue);
        const auto windows = windows_of<T, windows_width>(p, phase);
        const auto with = [&](const auto& a, const auto& b, const auto& finish) {
            launch_tiles<T, float>(m, tiles, finish, stream, [&](const Tiles& t, const auto& f) {
                launch_mma_tiles<How, rows, columns, warps_m, warps_n>(a, b, f, t, stream);
            });
        };
        using Matrix = StridedLoader<T, width, width == 1>;
        switch (p.what) {
            case Conv::forward: return with(WindowRows<T, windows_width>{windows}, loader_of<Matrix>(m, 1), finish);
            case Conv::grad_kernel: return with(WindowColumns<T, windows_width>{windows}, loader_of<Matrix>(m, 1), finish);
            case Conv::grad_input:
                if constexpr (windows_width == width)
                    with(WindowRows<T, width>{windows}, turned_kernel_of<T, width>(p, phase),
                         Finish<T, float, PhaseRows>{m.epilogue, phase_rows_of(p.slide, phase), finish.plain, finish.aligned});
        }
    });
}

template <class How, class T> void sized(const ConvProblem& p, Stream stream) {
    constexpr int packet = 16 / int(sizeof(T));
    const MatmulProblem m = product_of(p, p.what == Conv::grad_input ? phase_of(p.slide, 0) : whole(p.slide));
    const int64_t large = ((m.m + 127) / 128) * ((m.n + 127) / 128) * m.batches.size * parts_of(m.m, m.n, m.k, m.batches.size, 4);
    if (conv_packets(p)) {
        if (m.n > 64 && large >= few_tiles) return go<How, T, packet, packet, 128, 128>(p, stream);
        return go<How, T, packet, packet, 128, 64>(p, stream);
    }
    if constexpr (sizeof(T) == 2) {
        const bool filters = p.slide.group_k() % packet == 0 && aligned_to(p.kernel, 16) && aligned_to(p.output, 16);
        if (filters && p.what != Conv::grad_input) return go<How, T, 1, packet, 64, 64>(p, stream);
        go<How, T, 1, 1, 64, 64>(p, stream);
    }
}

}  // namespace

const char* conv_mma_obstacle(const ConvProblem& p, const Device&) {
    if (p.dtype == 'd') return "no dtype of its";
    if (p.dtype == 'f') {
        if (matmul_precision() != Precision::tf32 && matmul_precision() != Precision::bf16x3) return "the precision asked for is float32";
        if (!conv_packets(p)) return "the channels do not fill whole packets";
    }
    if (p.sums_nothing()) return "nothing to add";
    return phases(p) > most_phases ? "the strides make too many phases" : nullptr;
}

void launch_conv_mma(const ConvProblem& p, Stream stream) {
    using namespace mma;
    if (p.dtype == 'E') return sized<Bf16, bfloat16>(p, stream);
    if (p.dtype == 'e') return sized<F16, float16>(p, stream);
    if (matmul_precision() == Precision::tf32) return go<Tf32, float, 4, 4, 128, 64>(p, stream);
    go<Split<3>, float, 4, 4, 128, 64>(p, stream);
}

}  // namespace gpudl
