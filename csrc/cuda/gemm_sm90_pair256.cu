// Tiles of 128 x 256 in clusters of two that share their columns: the largest products of bfloat16. The kernel is in gemm_sm90.cuh.
#include "launch_sm90.cuh"

namespace gpudl::sm90 {
namespace {

template <class T> void run(const MatmulProblem& p, bool ta, bool tb, Stream stream) {
    if (!ta && tb) return run_gemm<Pair256, T, T, false, true>(p, 1, stream);
    if (!ta) return run_gemm<Pair256, T, T, false, false>(p, 1, stream);
    run_gemm<Pair256, T, T, true, true>(p, 1, stream);
}

}  // namespace

void run_pair256(const MatmulProblem& p, bool ta, bool tb, Stream stream) { run<bfloat16>(p, ta, tb, stream); }

}  // namespace gpudl::sm90
