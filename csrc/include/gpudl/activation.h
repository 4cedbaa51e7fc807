// Defines the activations made of straight pieces, element by element, once for the C++ and the CUDA kernels: gpudl/ops/activation.py.
//
// NaN passes through forward: a comparison with NaN is false, so each test is written to fall on the side that keeps x. relu(-0.0) is 0.0.
#pragma once
#include <gpudl/kernel.h>
#include <gpudl/math.h>

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

struct HardTanh {
    double low, high;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::min_of(math::max_of(x, C(low)), C(high)); }
};

struct HardTanhGrad {
    double low, high;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return x > C(low) && x < C(high) ? g : C(0); }
};

struct HardSigmoid {
    double slope;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::min_of(math::max_of(x * C(slope) + C(0.5), C(0)), C(1)); }
};

struct HardSigmoidGrad {  // y is the output of hard_sigmoid
    double slope;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return y > C(0) && y < C(1) ? g * C(slope) : C(0); }
};

struct HardSilu {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return HardSigmoid{1.0 / 6.0}(x)*math::max_of(x, C(-3)); }
};

struct HardSiluGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        return x >= C(3) ? g : x > C(-3) ? (x * C(1.0 / 3.0) + C(0.5)) * g : C(0);
    }
};

struct Threshold {
    double threshold, otherwise;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x <= C(threshold) ? C(otherwise) : x; }
};

struct ThresholdGrad {
    double threshold, otherwise;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return x > C(threshold) ? g : C(0); }
};

struct HardShrink {
    double threshold;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::fabs(x) <= C(threshold) ? C(0) : x; }
};

struct SoftShrink {
    double threshold;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x - math::min_of(math::max_of(x, C(-threshold)), C(threshold)); }
};

struct ShrinkGrad {  // of both
    double threshold;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::fabs(x) <= C(threshold) ? C(0) : g; }
};

struct SparsePlus {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        const C inside = math::min_of(math::max_of(x + C(1), C(0)), C(2));
        return x >= C(1) ? x : inside * inside * C(0.25);
    }
};

struct SparsePlusGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return HardSigmoid{0.5}(x)*g; }
};

struct Step {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x >= C(0) ? C(1) : math::is_nan(x) ? x : C(0); }
};

struct StepGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C, C) const { return C(0); }
};

// Predicates: shapes must agree exactly, broadcasting happens above.
inline bool unary_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) { return same_shape(outs[0], ins[0]); }
inline bool binary_shapes(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[0], ins[1]);
}

}  // namespace gpudl
