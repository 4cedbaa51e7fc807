// Describes a convolution of images (N, H, W, C) by a kernel (R, S, C / groups, K) to outputs (N, P, Q, K), and its two gradients, to the
// candidates that compute them: `ConvProblem` on the host, `Slide` in kernels. Attributes: gpudl/ops/_correlate.py, Slide.
//
//     y[n, p, q, k] = sum over r, s, c of x[n, p stride_h + r dilation_h - top, q stride_w + s dilation_w - left, c] kernel[r, s, c, k]
//
// The three are one relation between image, kernel and output: each writes one of them and reads the two others.
#pragma once
#include <gpudl/dispatch.h>
#include <gpudl/layout.h>

#include "matmul.h"

namespace gpudl {

enum class Conv { forward, grad_input, grad_kernel };

// Sizes and steps, as kernels use them. c and k are those of a whole pixel; a group has c / groups and k / groups of them.
struct Slide {
    int64_t n;
    int h, w, c, p, q, k, r, s;
    int stride_h, stride_w, top, left, dilation_h, dilation_w, groups;

    GPUDL_HOST_DEVICE int group_c() const { return c / groups; }
    GPUDL_HOST_DEVICE int group_k() const { return k / groups; }
    GPUDL_HOST_DEVICE bool pointwise() const {  // a matrix product of pixels
        return r == 1 && s == 1 && stride_h == 1 && stride_w == 1 && top == 0 && left == 0 && h == p && w == q;
    }
};

struct ConvProblem {
    Conv what;
    char dtype;
    Slide slide;
    void *image, *kernel, *output;  // the one that is written among them
    Epilogue epilogue;              // of the one that is written; its last axis are the columns

    int64_t images() const { return slide.n * slide.h * slide.w * slide.c; }
    int64_t kernels() const { return int64_t(slide.r) * slide.s * slide.group_c() * slide.k; }
    int64_t outputs() const { return slide.n * slide.p * slide.q * slide.k; }
    int64_t results() const { return what == Conv::forward ? outputs() : what == Conv::grad_input ? images() : kernels(); }
    bool sums_nothing() const {
        return what == Conv::grad_kernel ? slide.n * slide.p * slide.q == 0 : what == Conv::forward ? slide.c == 0 : slide.k == 0;
    }
};

constexpr int slide_attrs = 13;  // stride_h, stride_w, top, bottom, left, right, dilation_h, dilation_w, groups, h, w, r, s
#define GPUDL_SLIDE " i i i i i i i i i i i i i"

inline ConvProblem describe_conv(Conv what, const TensorView& image, const TensorView& kernel, const TensorView& output,
                                 const Scalar* attrs) {
    const auto number = [attrs](int i) { return int(attrs[i].integer); };
    const auto size = [](const TensorView& v, int i) { return int(v.shape[i]); };
    const Slide slide = {image.shape[0],  size(image, 1),  size(image, 2),  size(image, 3), size(output, 1), size(output, 2),
                         size(output, 3), size(kernel, 0), size(kernel, 1), number(0),      number(1),       number(2),
                         number(4),       number(6),       number(7),       number(8)};
    ConvProblem p = {what, image.dtype, slide, image.data, kernel.data, output.data, {}};
    p.epilogue.y = what == Conv::forward ? output.data : what == Conv::grad_input ? image.data : kernel.data;
    p.epilogue.row = what == Conv::grad_input ? slide.c : slide.k;
    return p;
}

// Whether the shapes belong together, and sizes, steps and their products along an axis can be counted in 32 bits.
inline bool conv_shapes(const TensorView& image, const TensorView& kernel, const TensorView& output, const Scalar* attrs) {
    constexpr int64_t most = INT32_MAX / 4;
    if (image.ndim != 4 || kernel.ndim != 4 || output.ndim != 4) return false;
    for (int i = 0; i < slide_attrs; i++) {
        if (attrs[i].integer < -most || attrs[i].integer > most) return false;
    }
    for (int i = 0; i < 4; i++) {
        if ((i && image.shape[i] > most) || kernel.shape[i] > most || (i && output.shape[i] > most)) return false;
    }
    const int64_t groups = attrs[8].integer, c = kernel.shape[2], k = kernel.shape[3];
    if (groups < 1 || k % groups || c * groups != image.shape[3] || k != output.shape[3] || image.shape[0] != output.shape[0]) return false;
    for (int axis = 0; axis < 2; axis++) {
        const int64_t stride = attrs[axis].integer, dilation = attrs[6 + axis].integer, before = attrs[2 + 2 * axis].integer;
        const int64_t whole = image.shape[1 + axis] + before + attrs[3 + 2 * axis].integer;
        const int64_t taps = kernel.shape[axis], windows = output.shape[1 + axis];
        if (stride < 1 || dilation < 1 || taps * dilation > most || windows * stride > most) return false;
        if (attrs[9 + axis].integer != image.shape[1 + axis] || attrs[11 + axis].integer != taps) return false;
        if ((whole - (taps - 1) * dilation - 1) / stride + 1 != windows) return false;
    }
    return true;
}

inline bool aligned_to(const void* pointer, size_t bytes) { return reinterpret_cast<uintptr_t>(pointer) % bytes == 0; }

// Whether groups have whole packets of 16 bytes of channels and of filters, and all three operands begin at a multiple of them.
inline bool conv_packets(const ConvProblem& p) {
    const int width = packet_width(p.dtype);
    return p.slide.group_c() % width == 0 && p.slide.group_k() % width == 0 && aligned_to(p.image, 16) && aligned_to(p.kernel, 16) &&
           aligned_to(p.output, 16);
}

// The candidates, fastest first in convolution.cu. An obstacle is null where the candidate takes the problem.
const char* depthwise_obstacle(const ConvProblem& p, const Device& device);  // depthwise.cu
void launch_depthwise(const ConvProblem& p, Stream stream);
const char* conv_mma_obstacle(const ConvProblem& p, const Device& device);  // conv_mma_sm80.cu
void launch_conv_mma(const ConvProblem& p, Stream stream);
const char* conv_simt_obstacle(const ConvProblem& p, const Device& device);  // conv_simt.cu
void launch_conv_simt(const ConvProblem& p, Stream stream);

}  // namespace gpudl
