// Chooses how a convolution and its gradients are computed, with bias and activation or act' and the sums of channels too, and enters the ops
// into the table.
#include "conv_loader.cuh"
#include "conv_sm90.h"
#include "convolution_simple.cuh"

namespace gpudl {
namespace {

using namespace convolution;

const char* not_pointwise(const ConvProblem& p, const Device&) {
    return p.slide.pointwise() ? nullptr : "more than a product of pixels and channels";
}
void launch_pointwise(const ConvProblem& p, Stream stream) {
    MatmulProblem m = product_of(p, p.what == Conv::grad_input ? phase_of(p.slide, 0) : whole(p.slide));
    const bool one = p.slide.groups == 1;
    if (!one) m.epilogue.sums = nullptr;
    launch_matmul("matmul of a convolution", m, stream);
    if (!one) sum_channels(p, stream);
}

constexpr Candidate<ConvProblem> candidates[] = {
    {"depthwise", Tier::simt, depthwise_obstacle, launch_depthwise}, {"pointwise", Tier::simple, not_pointwise, launch_pointwise},
    {"hopper", Tier::sm90, conv_sm90_obstacle, launch_conv_sm90},    {"tensor_cores", Tier::sm80, conv_mma_obstacle, launch_conv_mma},
    {"simt", Tier::simt, conv_simt_obstacle, launch_conv_simt},      {"simple", Tier::simple, nullptr, launch_simple},
};

void convolve(const char* name, const ConvProblem& problem, Stream stream) {
    if (problem.results() > 0) return dispatch(name, candidates, problem, stream);
    sum_channels(problem, stream);  // of nothing: zeros
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
bool an_act(const Scalar* attrs) { return attrs[slide_attrs].integer >= 0 && attrs[slide_attrs].integer <= int(Act::tanh); }
bool bias_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return forward_shapes(outs, ins, attrs) && an_act(attrs) && ins[2].ndim == 1 && ins[2].shape[0] == outs[0].shape[3];
}
bool act_grad_shapes(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return grad_input_shapes(outs, ins, attrs) && an_act(attrs) && same_shape(outs[0], ins[2]) && outs[1].ndim == 1 &&
           outs[1].shape[0] == outs[0].shape[3];
}

void set_act(Epilogue& e, const Scalar* attrs) {
    e.act = Act(attrs[slide_attrs].integer);
    e.slope = attrs[slide_attrs + 1].real;
}

}  // namespace

#define GPUDL_CONV "f <- f f ;" GPUDL_SLIDE " | d <- d d ;" GPUDL_SLIDE " | e <- e e ;" GPUDL_SLIDE " | E <- E E ;" GPUDL_SLIDE
#define GPUDL_CONV_BIAS                                                                                                                    \
    "f <- f f f ;" GPUDL_SLIDE " i r | d <- d d d ;" GPUDL_SLIDE " i r | e <- e e e ;" GPUDL_SLIDE " i r | E <- E E E ;" GPUDL_SLIDE       \
    " i "                                                                                                                                  \
    "r"
#define GPUDL_CONV_ACT_GRAD                                                                                                                \
    "f f <- f f f ;" GPUDL_SLIDE " i r | d d <- d d d ;" GPUDL_SLIDE " i r | e e <- e e e ;" GPUDL_SLIDE                                   \
    " i r | E E <- E E E ;" GPUDL_SLIDE " i r"

GPUDL_KERNEL_WHEN(conv2d, GPUDL_CONV, forward_shapes) {
    convolve("conv2d", describe_conv(Conv::forward, ins[0], ins[1], outs[0], attrs), stream);
}
GPUDL_KERNEL_WHEN(conv2d_grad_input, GPUDL_CONV, grad_input_shapes) {
    convolve("conv2d_grad_input", describe_conv(Conv::grad_input, outs[0], ins[1], ins[0], attrs), stream);
}
GPUDL_KERNEL_WHEN(conv2d_grad_kernel, GPUDL_CONV, grad_kernel_shapes) {
    convolve("conv2d_grad_kernel", describe_conv(Conv::grad_kernel, ins[0], outs[0], ins[1], attrs), stream);
}
GPUDL_KERNEL_WHEN(conv2d_bias, GPUDL_CONV_BIAS, bias_shapes) {
    ConvProblem p = describe_conv(Conv::forward, ins[0], ins[1], outs[0], attrs);
    p.epilogue.bias = ins[2].data;
    set_act(p.epilogue, attrs);
    convolve("conv2d_bias", p, stream);
}
GPUDL_KERNEL_WHEN(conv2d_act_grad, GPUDL_CONV_ACT_GRAD, act_grad_shapes) {
    ConvProblem p = describe_conv(Conv::grad_input, outs[0], ins[1], ins[0], attrs);
    p.epilogue.saved = ins[2].data;
    p.epilogue.sums = outs[1].data;
    set_act(p.epilogue, attrs);
    convolve("conv2d_act_grad", p, stream);
}

}  // namespace gpudl
