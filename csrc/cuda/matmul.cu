// Chooses how matrices are multiplied: the table of candidates behind `matmul`, and what is done where there is nothing to sum.
#include <gpudl/platform.h>

#include "matmul.h"

namespace gpudl {
namespace {

const Candidate<MatmulProblem> candidates[] = {
    {"any", Tier::simple, nullptr, launch_matmul_simple},
};

}  // namespace

void launch_matmul(const char* family, const MatmulProblem& p, Stream stream) { dispatch(family, candidates, p, stream); }

GPUDL_KERNEL_WHEN(matmul, "* <- ~* ~* ; i i", matmul_shapes) {
    const MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    if (!p.nothing()) launch_matmul("matmul", p, stream);
}

}  // namespace gpudl
