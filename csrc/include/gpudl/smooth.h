// Defines the smooth activations, element by element, once for the C++ and the CUDA kernels: gpudl/ops/smooth.py and gated.py.
//
// The order of operations is that of the reference kernels, which says how each avoids overflow. `heavy`: elementwise.cuh.
#pragma once
#include <gpudl/math.h>

namespace gpudl {

struct Sigmoid {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::sigmoid(x); }
};

struct SigmoidGrad {  // y is the output of sigmoid
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return (C(1) - y) * y * g; }
};

struct Tanh {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::tanh(x); }
};

struct TanhGrad {  // y is the output of tanh
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C y) const { return (C(1) - y * y) * g; }
};

struct TanhShrink {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x - math::tanh(x); }
};

struct TanhShrinkGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C t = math::tanh(x);
        return t * t * g;
    }
};

struct Softplus {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::log1p(math::exp(-math::fabs(x))) + math::max_of(x, C(0)); }
};

struct SoftplusGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return math::sigmoid(x) * g; }
};

struct LogSigmoid {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::min_of(x, C(0)) - math::log1p(math::exp(-math::fabs(x))); }
};

struct LogSigmoidGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return g / (math::exp(x) + C(1)); }
};

struct Squareplus {
    double b, root;  // root = sqrt(b)
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        const C far = (math::hypot(x, C(root)) + math::fabs(x)) * C(0.5);
        return x < C(0) ? C(0.25 * b) / far : far;  // where x + sqrt(x^2 + b) would cancel
    }
};

struct SquareplusGrad {
    double b, root;
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const { return Squareplus{b, root}(x) / math::hypot(x, C(root)) * g; }
};

struct Softsign {
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return x / (math::fabs(x) + C(1)); }
};

struct SoftsignGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C r = math::fabs(x) + C(1);
        return g / r / r;
    }
};

struct Elu {
    double alpha, scale, rate;
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const {
        const C below = math::expm1(math::min_of(x, C(0)) * C(rate)) * C(alpha * scale);
        return below + math::max_of(x, C(0)) * C(scale);
    }
};

struct EluGrad {
    double alpha, scale, rate;
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C below = math::exp(math::min_of(x, C(0)) * C(rate)) * C(alpha * scale * rate);
        return (x > C(0) ? C(scale) : below) * g;
    }
};

// x times a gate -------------------------------------------------------------------------------------------------------------------

struct Silu {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return math::sigmoid(x) * x; }
};

struct SiluGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C s = math::sigmoid(x);
        return ((C(1) - s) * x + C(1)) * s * g;
    }
};

// tanh(softplus(x)) = w / (w + 2) with w = e (e + 2), e = exp(x); 1 beyond 20.
template <class C> GPUDL_HOST_DEVICE inline C mish_gate(C x) {
    const C e = math::exp(math::min_of(x, C(20))), w = e * (e + C(2));
    return w / (w + C(2));
}

struct Mish {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return mish_gate(x) * x; }
};

struct MishGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C t = mish_gate(x);
        return (math::sigmoid(x) * (C(1) - t * t) * x + t) * g;
    }
};

constexpr double root_half = 0.70710678118654752440, root_2_over_pi = 0.79788456080286535588, inverse_root_2pi = 0.39894228040143267794;
constexpr double gelu_cubic = 0.044715;

template <class C> GPUDL_HOST_DEVICE inline C gelu_gate_tanh(C x) {  // (1 + tanh(sqrt(2 / pi) (x + 0.044715 x^3))) / 2
    const C inner = (x * x * C(root_2_over_pi * gelu_cubic) + C(root_2_over_pi)) * x;
    return (math::tanh(inner) + C(1)) * C(0.5);
}
template <class C> GPUDL_HOST_DEVICE inline C gelu_gate_erf(C x) {  // (1 + erf(x / sqrt(2))) / 2
    return (math::erf(x * C(root_half)) + C(1)) * C(0.5);
}

struct GeluTanh {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return gelu_gate_tanh(x) * x; }
};

struct GeluErf {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C x) const { return gelu_gate_erf(x) * x; }
};

struct GeluTanhGrad {  // gate + x dgate/dx, dgate/dx = 2 gate (1 - gate) times the slope of the argument
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C gate = gelu_gate_tanh(x);
        const C slope = (x * x * C(6.0 * root_2_over_pi * gelu_cubic) + C(2.0 * root_2_over_pi)) * x;
        return (slope * (C(1) - gate) + C(1)) * gate * g;
    }
};

struct GeluErfGrad {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x) const {
        const C density = math::exp(x * x * C(-0.5)) * C(inverse_root_2pi) * x;
        return (gelu_gate_erf(x) + density) * g;
    }
};

struct Gate {  // glu: b gates a
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C a, C b) const { return math::sigmoid(b) * a; }
};

struct GateGradFirst {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C b) const { return math::sigmoid(b) * g; }
};

struct GateGradSecond {
    using heavy = void;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const {
        const C s = math::sigmoid(b);
        return (C(1) - s) * s * a * g;
    }
};

}  // namespace gpudl
