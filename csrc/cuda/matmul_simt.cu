// Multiplies matrices of floats by tile_simt.cuh: 128 x 128 tiles of float32 through packets where all four transposes allow them, 64 x 64
// and element by element otherwise. Mappings, bytes and bounds are those of the core.
#include "tile_simt.cuh"

namespace gpudl {
namespace {

template <class T, int quads, class A, class B> void go(const MatmulProblem& p, int64_t parts, Stream stream) {
    using C = decltype(wide(T{}));
    const Tiles tiles = tiles_of(p.m, p.n, p.k, p.batches.size, 64 * quads, 64 * quads, simt::slice, parts);
    launch_tiles<T, C>(p, tiles, finish_of<T, C>(p.epilogue), stream, [&](const Tiles& t, const auto& finish) {
        launch_simt_tiles<quads, quads>(loader_of<A>(p, 0), loader_of<B>(p, 1), finish, t, stream);
    });
}

template <bool along_k> using Packets = StridedLoader<float, 4, along_k>;
template <class T> using Items = StridedLoader<T, 1, true>;

bool packets(const MatmulProblem& p, int operand) { return packets_along(true, p, operand) || packets_along(false, p, operand); }

}  // namespace

const char* matmul_simt_obstacle(const MatmulProblem& p, const Device&) {
    return p.dtype == 'f' || p.dtype == 'd' || p.dtype == 'e' || p.dtype == 'E' ? nullptr : "no dtype of its";
}

void launch_matmul_simt(const MatmulProblem& p, Stream stream) {
    const int64_t parts = parts_of(p.m, p.n, p.k, p.batches.size, p.dtype == 'd' ? 8 : 4);
    if (p.dtype != 'f' || !large_tiles(p, parts)) {
        for_float_dtype(p.dtype, [&](auto zero) { go<decltype(zero), 1, Items<decltype(zero)>, Items<decltype(zero)>>(p, parts, stream); });
        return;
    }
    if (!packets(p, 0) || !packets(p, 1)) return go<float, 2, Items<float>, Items<float>>(p, parts, stream);
    const bool a = packets_along(true, p, 0), b = packets_along(true, p, 1);
    if (a && b) return go<float, 2, Packets<true>, Packets<true>>(p, parts, stream);
    if (a) return go<float, 2, Packets<true>, Packets<false>>(p, parts, stream);
    if (b) return go<float, 2, Packets<false>, Packets<true>>(p, parts, stream);
    go<float, 2, Packets<false>, Packets<false>>(p, parts, stream);
}

}  // namespace gpudl
