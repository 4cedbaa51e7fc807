// Defines the activations, element by element, once for the C++ and the CUDA kernels.
//
// NaN passes through forward: a comparison with NaN is false, so each test is written to fall on the side that keeps x. relu(-0.0) is 0.0.
#pragma once
#include <gpudl/dtype.h>
#include <gpudl/kernel.h>

namespace gpudl {

struct Relu {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x <= C(0) ? C(0) : x; }
};

struct ReluGrad {  // y is the output of relu
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return y > C(0) ? g : C(0); }
};

struct LeakyRelu {
    double slope;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x > C(0) ? x : x * C(slope); }
};

struct LeakyReluGrad {  // x is the input of leaky_relu
    double slope;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return x > C(0) ? g : g * C(slope); }
};

// Predicates: shapes must agree exactly, broadcasting happens above.
inline bool unary_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) { return same_shape(outs[0], ins[0]); }
inline bool binary_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]);
}

}  // namespace gpudl
