// Chooses how matrices are multiplied: the table of candidates behind `matmul`, and what is done where there is nothing to sum.
#include <gpudl/platform.h>

#include "column_sums.cuh"
#include "gemm_sm90.h"

namespace gpudl {
namespace {

const Candidate<MatmulProblem> candidates[] = {
    {"skinny", Tier::simt, matmul_skinny_obstacle, launch_matmul_skinny},
    {"hopper", Tier::sm90, matmul_sm90_obstacle, launch_matmul_sm90},
    {"tensor_cores", Tier::sm80, matmul_mma_obstacle, launch_matmul_mma},
    {"tiles", Tier::simt, matmul_simt_obstacle, launch_matmul_simt},
    {"any", Tier::simple, nullptr, launch_matmul_simple},
};

}  // namespace

void launch_matmul(const char* family, const MatmulProblem& p, Stream stream) { dispatch(family, candidates, p, stream); }

GPUDL_KERNEL_WHEN(matmul, "* <- ~* ~* ; i i", matmul_shapes) {
    const MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    if (!p.nothing()) launch_matmul("matmul", p, stream);
}

// gpudl/ops/fused.py: y = act(a b + bias), and dz = act'(y) a b with the sums of its columns. Attributes: ta, tb, act, slope.
static bool bias_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return matmul_shapes(outs, ins, attrs) && ins[2].ndim == 1 && ins[2].shape[0] == outs[0].shape[outs[0].ndim - 1];
}
GPUDL_KERNEL_WHEN(matmul_bias, "f <- ~f ~f f ; i i i r | d <- ~d ~d d ; i i i r | e <- ~e ~e e ; i i i r | E <- ~E ~E E ; i i i r",
                  bias_shapes) {
    MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    p.epilogue.bias = ins[2].data;
    p.epilogue.act = Act(attrs[2].integer);
    p.epilogue.slope = attrs[3].real;
    if (!p.nothing()) launch_matmul("matmul_bias", p, stream);
}

static bool act_grad_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return matmul_shapes(outs, ins, attrs) && same_shape(ins[2], outs[0]) && outs[1].ndim == 1 &&
           outs[1].shape[0] == outs[0].shape[outs[0].ndim - 1];
}
GPUDL_KERNEL_WHEN(matmul_act_grad,
                  "f f <- ~f ~f f ; i i i r | d d <- ~d ~d d ; i i i r | e e <- ~e ~e e ; i i i r | E E <- ~E ~E E ; i i i r",
                  act_grad_shapes) {
    MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    p.epilogue.saved = ins[2].data;
    p.epilogue.act = Act(attrs[2].integer);
    p.epilogue.slope = attrs[3].real;
    p.epilogue.sums = outs[1].data;
    if (!p.nothing()) return launch_matmul("matmul_act_grad", p, stream);
    for_float_dtype(p.dtype, [&](auto zero) {  // sums of no rows are 0
        if (p.n) sum_columns_of_y<decltype(zero), decltype(wide(zero))>(p, stream);
    });
}

}  // namespace gpudl
