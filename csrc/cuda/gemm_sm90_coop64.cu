// Tiles of 128 x 64, both consumers on each: small products, of which larger tiles would leave most of the device idle. The kernel is in
// gemm_sm90.cuh.
#include "launch_sm90.cuh"

namespace gpudl::sm90 {
namespace {

template <class T> void run(const MatmulProblem& p, bool ta, bool tb, Stream stream) {
    if (!ta && tb) return run_gemm<Coop64, T, T, false, true>(p, 1, stream);
    if (!ta) return run_gemm<Coop64, T, T, false, false>(p, 1, stream);
    run_gemm<Coop64, T, T, true, true>(p, 1, stream);
}

}  // namespace

void run_coop64(const MatmulProblem& p, bool ta, bool tb, Stream stream) {
    if (p.dtype == 'e') return run<float16>(p, ta, tb, stream);
    run<bfloat16>(p, ta, tb, stream);
}

}  // namespace gpudl::sm90
