// Tiles of 128 x 256, both consumers on each: large products. Parts of k for weight gradients alone. The kernel is in gemm_sm90.cuh.
#include "launch_sm90.cuh"

namespace gpudl::sm90 {
namespace {

template <class T> void run(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream) {
    if (splits > 1) return run_gemm<Coop256, T, float, true, true>(p, splits, stream);
    if (!ta && tb) return run_gemm<Coop256, T, T, false, true>(p, 1, stream);
    if (!ta) return run_gemm<Coop256, T, T, false, false>(p, 1, stream);
    run_gemm<Coop256, T, T, true, true>(p, 1, stream);
}

}  // namespace

void run_coop256(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream) {
    if (p.dtype == 'e') return run<float16>(p, ta, tb, splits, stream);
    run<bfloat16>(p, ta, tb, splits, stream);
}

}  // namespace gpudl::sm90
