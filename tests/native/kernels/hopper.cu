// Products and convolutions on Hopper with a shape of tiles and a number of parts of k that the test names:
// tests/native/test_hopper_matmul.py, test_hopper_convolution.py.
#include "../../../csrc/cuda/conv_sm90.h"
#include "../../../csrc/cuda/launch_sm90.cuh"

namespace gpudl {
namespace {

using sm90::Shape;

bool shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    const MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    return matmul_shapes(outs, ins, attrs) && !p.nothing() && !matmul_sm90_obstacle(p, current_device());
}

// Attributes: ta, tb, shape, splits, act, slope, alpha, beta.
MatmulProblem problem(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    MatmulProblem p = describe_matmul(outs[0], ins[0], ins[1], attrs[0].integer != 0, attrs[1].integer != 0);
    p.epilogue.act = Act(attrs[4].integer);
    p.epilogue.slope = attrs[5].real;
    p.epilogue.alpha = attrs[6].real;
    p.epilogue.beta = attrs[7].real;
    return p;
}

void run(const MatmulProblem& p, const Scalar* attrs, Stream stream) {
    const bool ta = !packets_along(true, p, 0), tb = !packets_along(true, p, 1);
    const int splits = int(attrs[3].integer);
    switch (Shape(attrs[2].integer)) {
        case Shape::coop256: return sm90::run_coop256(p, ta, tb, splits, stream);
        case Shape::pair256: return sm90::run_pair256(p, ta, tb, stream);
        case Shape::ping128: return sm90::run_ping128(p, ta, tb, splits, stream);
        case Shape::coop64: return sm90::run_coop64(p, ta, tb, stream);
    }
}

}  // namespace

#define GPUDL_HOPPER " ; i i i i i r r r"
GPUDL_KERNEL_WHEN(hopper_matmul, "e <- ~e ~e" GPUDL_HOPPER " | E <- ~E ~E" GPUDL_HOPPER, shapes) {
    run(problem(outs, ins, attrs), attrs, stream);
}
GPUDL_KERNEL_WHEN(hopper_matmul_bias, "e <- ~e ~e e" GPUDL_HOPPER " | E <- ~E ~E E" GPUDL_HOPPER, shapes) {
    MatmulProblem p = problem(outs, ins, attrs);
    p.epilogue.bias = ins[2].data;
    run(p, attrs, stream);
}
GPUDL_KERNEL_WHEN(hopper_matmul_residual, "e <- ~e ~e e e" GPUDL_HOPPER " | E <- ~E ~E E E" GPUDL_HOPPER, shapes) {
    MatmulProblem p = problem(outs, ins, attrs);
    p.epilogue.bias = ins[2].data;
    p.epilogue.residual = ins[3].data;
    run(p, attrs, stream);
}
GPUDL_KERNEL_WHEN(hopper_matmul_act_grad, "e e <- ~e ~e e" GPUDL_HOPPER " | E E <- ~E ~E E" GPUDL_HOPPER, shapes) {
    MatmulProblem p = problem(outs, ins, attrs);
    p.epilogue.saved = ins[2].data;
    p.epilogue.sums = outs[1].data;
    run(p, attrs, stream);
}

// m, n, k, batches, ta, tb, bfloat16, most splits: the shape, the parts of k, microseconds.
GPUDL_KERNEL(hopper_plan, "d <- ; i*") {
    const auto number = [attrs](int i) { return attrs[i].integer; };
    const sm90::Plan plan =
        sm90::plan_gemm(number(0), number(1), number(2), number(3), number(4) != 0, number(5) != 0, number(6) != 0, number(7));
    double* y = outs[0].as<double>();
    y[0] = int(plan.shape), y[1] = plan.splits, y[2] = plan.microseconds;
}

// Convolutions: the attributes of the op, then shape + 4 splits, act, slope.
static ConvProblem conv(Conv what, const TensorView& image, const TensorView& kernel, const TensorView& output, const Scalar* attrs) {
    ConvProblem p = describe_conv(what, image, kernel, output, attrs);
    p.epilogue.act = Act(attrs[slide_attrs + 1].integer);
    p.epilogue.slope = attrs[slide_attrs + 2].real;
    return p;
}
static void run(const ConvProblem& p, const Scalar* attrs, Stream stream) {
    if (const char* obstacle = conv_sm90_obstacle(p, current_device())) throw KernelError(obstacle);
    sm90::run_conv(p, {Shape(attrs[slide_attrs].integer % 4), int(attrs[slide_attrs].integer / 4), 0}, stream);
}
GPUDL_KERNEL(hopper_conv2d_bias, "e <- e e e ;" GPUDL_SLIDE " i i r | E <- E E E ;" GPUDL_SLIDE " i i r") {
    ConvProblem p = conv(Conv::forward, ins[0], ins[1], outs[0], attrs);
    p.epilogue.bias = ins[2].data;
    run(p, attrs, stream);
}
GPUDL_KERNEL(hopper_conv2d_grad_input, "e <- e e ;" GPUDL_SLIDE " i i r | E <- E E ;" GPUDL_SLIDE " i i r") {
    run(conv(Conv::grad_input, outs[0], ins[1], ins[0], attrs), attrs, stream);
}
GPUDL_KERNEL(hopper_conv2d_act_grad, "e e <- e e e ;" GPUDL_SLIDE " i i r | E E <- E E E ;" GPUDL_SLIDE " i i r") {
    ConvProblem p = conv(Conv::grad_input, outs[0], ins[1], ins[0], attrs);
    p.epilogue.saved = ins[2].data;
    p.epilogue.sums = outs[1].data;
    run(p, attrs, stream);
}
GPUDL_KERNEL(hopper_conv2d_grad_kernel, "e <- e e ;" GPUDL_SLIDE " i i r | E <- E E ;" GPUDL_SLIDE " i i r") {
    run(conv(Conv::grad_kernel, ins[0], outs[0], ins[1], attrs), attrs, stream);
}

}  // namespace gpudl
