// Chooses how a convolution and its two gradients are computed, and enters them into the table.
#include "convolution.h"
#include "convolution_simple.cuh"

namespace gpudl {
namespace {

using namespace convolution;

constexpr Candidate<ConvProblem> candidates[] = {
    {"depthwise", Tier::simt, depthwise_obstacle, launch_depthwise},
    {"simple", Tier::simple, nullptr, launch_simple},
};

void convolve(const char* name, const ConvProblem& problem, Stream stream) {
    if (problem.results() > 0) dispatch(name, candidates, problem, stream);
}

bool forward_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return conv_shapes(ins[0], ins[1], outs[0], attrs);
}
bool grad_input_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return conv_shapes(outs[0], ins[1], ins[0], attrs);
}
bool grad_kernel_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return conv_shapes(ins[0], outs[0], ins[1], attrs);
}

}  // namespace

#define GPUDL_CONV_SIGNATURE "f <- f f ;" GPUDL_SLIDE " | d <- d d ;" GPUDL_SLIDE " | e <- e e ;" GPUDL_SLIDE " | E <- E E ;" GPUDL_SLIDE

GPUDL_KERNEL_WHEN(conv2d, GPUDL_CONV_SIGNATURE, forward_shapes) {
    convolve("conv2d", describe_conv(Conv::forward, ins[0], ins[1], outs[0], attrs), stream);
}
GPUDL_KERNEL_WHEN(conv2d_grad_input, GPUDL_CONV_SIGNATURE, grad_input_shapes) {
    convolve("conv2d_grad_input", describe_conv(Conv::grad_input, outs[0], ins[1], ins[0], attrs), stream);
}
GPUDL_KERNEL_WHEN(conv2d_grad_kernel, GPUDL_CONV_SIGNATURE, grad_kernel_shapes) {
    convolve("conv2d_grad_kernel", describe_conv(Conv::grad_kernel, ins[0], outs[0], ins[1], attrs), stream);
}

}  // namespace gpudl
