// Multiplies matrices on tensor cores by tile_mma_sm80.cuh: 16-bit floats always, float32 where set_matmul_precision allows it. Mappings,
// bytes and bounds are those of the core.
#include "tile_mma_sm80.cuh"

namespace gpudl {
namespace {

template <class How, class T, bool large, class A, class B> void go(const MatmulProblem& p, int64_t parts, Stream stream) {
    constexpr int side = large ? 128 : 64, warps_m = 2, warps_n = large ? 4 : 2;
    const Tiles tiles = tiles_of(p.m, p.n, p.k, p.batches.size, side, side, How::slice, parts);
    launch_tiles<T, float>(p, tiles, finish_of<T, float>(p.epilogue), stream, [&](const Tiles& t, const auto& finish) {
        launch_mma_tiles<How, side, side, warps_m, warps_n>(loader_of<A>(p, 0), loader_of<B>(p, 1), finish, t, stream);
    });
}

template <class T, bool along_k> using Packets = StridedLoader<T, 16 / int(sizeof(T)), along_k>;
template <class T> using Items = StridedLoader<T, 1, true>;

bool packets(const MatmulProblem& p, int operand) { return packets_along(true, p, operand) || packets_along(false, p, operand); }

// The four transposes; operands that packets cannot take go element by element, in small tiles.
template <class How, class T, bool large> void oriented(const MatmulProblem& p, int64_t parts, Stream stream) {
    const bool a = packets_along(true, p, 0), b = packets_along(true, p, 1);
    if (a && b) return go<How, T, large, Packets<T, true>, Packets<T, true>>(p, parts, stream);
    if (a) return go<How, T, large, Packets<T, true>, Packets<T, false>>(p, parts, stream);
    if (b) return go<How, T, large, Packets<T, false>, Packets<T, true>>(p, parts, stream);
    go<How, T, large, Packets<T, false>, Packets<T, false>>(p, parts, stream);
}

template <class How, class T> void sized(const MatmulProblem& p, Stream stream) {
    const int64_t parts = parts_of(p.m, p.n, p.k, p.batches.size, 4);
    if (packets(p, 0) && packets(p, 1)) {
        if (large_tiles(p, parts)) return oriented<How, T, true>(p, parts, stream);
        if constexpr (sizeof(T) == 2) return oriented<How, T, false>(p, parts, stream);  // of float32 fewer kernels, for shorter builds
    }
    go<How, T, false, Items<T>, Items<T>>(p, parts, stream);
}

// One kernel for all.
template <class How> void single(const MatmulProblem& p, Stream stream) {
    go<How, float, false, Items<float>, Items<float>>(p, parts_of(p.m, p.n, p.k, p.batches.size, 4), stream);
}

}  // namespace

const char* matmul_mma_obstacle(const MatmulProblem& p, const Device&) {
    if (p.dtype == 'E' || p.dtype == 'e') return nullptr;
    if (p.dtype != 'f') return "no dtype of its";
    return matmul_precision() == Precision::float32 ? "the precision asked for is float32" : nullptr;
}

void launch_matmul_mma(const MatmulProblem& p, Stream stream) {
    using namespace mma;
    if (p.dtype == 'E') return sized<Bf16, bfloat16>(p, stream);
    if (p.dtype == 'e') return sized<F16, float16>(p, stream);
    switch (matmul_precision()) {
        case Precision::tf32: return sized<Tf32, float>(p, stream);
        case Precision::bf16x6: return single<Split<6>>(p, stream);
        case Precision::bf16x9: return single<Split<9>>(p, stream);
        default: return sized<Split<3>, float>(p, stream);
    }
}

}  // namespace gpudl
