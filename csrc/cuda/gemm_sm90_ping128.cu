// Tiles of 128 x 128, each consumer its own: products of middling size, where writing out takes its time. All transposes, parts of k. The
// kernel is in gemm_sm90.cuh.
#include "launch_sm90.cuh"

namespace gpudl::sm90 {
namespace {

template <class T, class Out> void turned(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream) {
    if (!ta && tb) return run_gemm<Ping128, T, Out, false, true>(p, splits, stream);
    if (!ta) return run_gemm<Ping128, T, Out, false, false>(p, splits, stream);
    if (tb) return run_gemm<Ping128, T, Out, true, true>(p, splits, stream);
    run_gemm<Ping128, T, Out, true, false>(p, splits, stream);
}
template <class T> void run(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream) {
    if (splits > 1) return turned<T, float>(p, ta, tb, splits, stream);
    turned<T, T>(p, ta, tb, 1, stream);
}

}  // namespace

void run_ping128(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream) {
    if (p.dtype == 'e') return run<float16>(p, ta, tb, splits, stream);
    run<bfloat16>(p, ta, tb, splits, stream);
}

}  // namespace gpudl::sm90
