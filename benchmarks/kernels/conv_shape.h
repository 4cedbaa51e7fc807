// Names the sizes of a convolution: images x (N, H, W, C), kernel w (R, S, C, K), result y (N, P, Q, K), stride and zeros around.
//
// As a product it has a row for each pixel of y (N P Q of them), a column for each filter, and sums over R S C.
#pragma once
#include <gpudl/platform.h>

namespace gpudl {

struct ConvShape {
    int64_t n, h, w, c, r, s, k, p, q, stride, padding;

    ConvShape(const TensorView& y, const TensorView& x, const TensorView& kernel, const Scalar* attrs)
        : n(x.shape[0]),
          h(x.shape[1]),
          w(x.shape[2]),
          c(x.shape[3]),
          r(kernel.shape[0]),
          s(kernel.shape[1]),
          k(kernel.shape[3]),
          p(y.shape[1]),
          q(y.shape[2]),
          stride(attrs[0].integer),
          padding(attrs[1].integer) {}

    GPUDL_HOST_DEVICE int64_t rows() const { return n * p * q; }
    GPUDL_HOST_DEVICE int64_t depth() const { return r * s * c; }
};

// Where the window of a pixel of y starts in x. Both may lie outside the image.
struct Window {
    int64_t image, top, left;

    GPUDL_HOST_DEVICE Window(const ConvShape& shape, int64_t row)
        : image(row / (shape.p * shape.q)),
          top(row / shape.q % shape.p * shape.stride - shape.padding),
          left(row % shape.q * shape.stride - shape.padding) {}

    // Place of channel 0 of the pixel at tap (r, s), or -1 outside.
    GPUDL_HOST_DEVICE int64_t place(const ConvShape& shape, int64_t r, int64_t s) const {
        const int64_t i = top + r, j = left + s;
        return i >= 0 && i < shape.h && j >= 0 && j < shape.w ? ((image * shape.h + i) * shape.w + j) * shape.c : -1;
    }
};

}  // namespace gpudl
