// Computes batch normalization in training and with given statistics, forward and backward, channels last: x is (count, channels).
//
// forward: mean and squared deviations of the columns (reduce.cuh; the moving statistics move where they are finished), then columns.cuh.
// backward: the sums of g and of g (x - mean) down the columns, which are the gradients of beta and gamma, then columns.cuh.
// bytes moved per element: 2 reads and 1 write forward, 4 reads and 1 write backward. expected bound: memory bandwidth.
// With the ReLU or LeakyReLU behind it in the same op (…_act) the bytes are the same: backward finds the sign of its input again.
#include "columns.cuh"

#include <gpudl/norm.h>

namespace gpudl {
namespace {

using namespace norm;

struct Shape {
    int64_t count, channels;
    Axes axes;

    explicit Shape(const TensorView& x) : count(1), channels(x.shape[x.ndim - 1]) {
        for (int i = 0; i < x.ndim - 1; i++) count *= x.shape[i];
        axes = columns_of(count, channels);
    }
};

bool batch_shapes(const TensorView*, const TensorView* ins, const Scalar*) { return ins[0].ndim > 0; }

// `at`: where among the attributes the activation stands.
template <int at> bool with_act(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return batch_shapes(outs, ins, attrs) && (attrs[at].integer == 1 || attrs[at].integer == 2);
}

// outs: y, mean, rstd, moving mean, moving variance; ins: x, gamma, beta; attrs: momentum, epsilon.
void find_statistics(const char* name, const TensorView* outs, const TensorView* ins, const Scalar* attrs, Stream stream) {
    const TensorView& x = ins[0];
    reduce_with(name, x.dtype, Shape(x).axes, stream, [&](auto zero) {
        using C = decltype(zero);
        const Moving<C> mean = {outs[3].as<char>(), outs[3].dtype}, variance = {outs[4].as<char>(), outs[4].dtype};
        return BatchStatistics<C>{{over<C>(outs[0], x)}, outs[1].as<C>(),      outs[2].as<C>(), mean, variance,
                                  C(attrs[0].real),      C(1 - attrs[0].real), C(attrs[1].real)};
    });
}

template <class C> ScaleAndShift<C> trained(const TensorView* outs, const TensorView* ins) {
    return {over<C>(outs[0], ins[0]), Vector<C>(outs[1]), Vector<C>(outs[2]), Vector<C>(ins[1]), Vector<C>(ins[2]), false, C(0)};
}

// ins: x, mean, variance, gamma, beta; attrs: epsilon.
template <class C> ScaleAndShift<C> given(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return {over<C>(outs[0], ins[0]), Vector<C>(ins[1]), Vector<C>(ins[2]), Vector<C>(ins[3]), Vector<C>(ins[4]), true, C(attrs[0].real)};
}

// outs: dx, dgamma, dbeta; ins: g, x.
template <class C> BatchSums<C> sums(const TensorView* outs, const TensorView* ins, Vector<C> mean, Vector<C> rstd, Vector<C> gamma) {
    return {over<C, 2>(outs[0], ins), mean, rstd, gamma, false, C(0), outs[1].as<C>(), outs[2].as<C>(), nullptr, nullptr};
}
template <class C>
BatchNormGrad<C> gradient(const TensorView* outs, const TensorView* ins, Vector<C> mean, Vector<C> rstd, Vector<C> gamma) {
    return {over<C, 2>(outs[0], ins), mean, rstd, gamma, outs[1].as<C>(), outs[2].as<C>(), C(Shape(ins[1]).count)};
}

template <class Make> void write(const char* name, const TensorView& x, Stream stream, Make make) {
    const Shape shape(x);
    columns::write_columns(name, x.dtype, shape.count, shape.channels, stream, make);
}

}  // namespace

#define GPUDL_TRAINED(attributes)                                                                                                          \
    "f f f f f <- f f f" attributes " | d d d d d <- d d d" attributes " | e f f f f <- e f f" attributes                                  \
    " | E f f f f <- E f f" attributes " | e f f e e <- e f f" attributes " | E f f E E <- E f f" attributes                               \
    " | d d d f f <- d d d" attributes
#define GPUDL_GIVEN(attributes)                                                                                                            \
    "f <- f f f f f" attributes " | d <- d d d d d" attributes " | e <- e f f f f" attributes " | E <- E f f f f" attributes

GPUDL_KERNEL_WHEN(batch_norm, GPUDL_TRAINED(" ; r r"), batch_shapes) {
    find_statistics("batch_norm", outs, ins, attrs, stream);
    write("batch_norm", ins[0], stream, [&](auto zero) { return trained<decltype(zero)>(outs, ins); });
}

// attrs: momentum, epsilon, activation, its slope.
GPUDL_KERNEL_WHEN(batch_norm_act, GPUDL_TRAINED(" ; r r i r"), with_act<2>) {
    find_statistics("batch_norm_act", outs, ins, attrs, stream);
    write("batch_norm_act", ins[0], stream, [&](auto zero) {
        using C = decltype(zero);
        return ScaleShiftAct<C>{trained<C>(outs, ins), Bend(attrs + 2)};
    });
}

// outs: dx, dgamma, dbeta; ins: g, x, gamma, mean, rstd.
GPUDL_KERNEL_WHEN(batch_norm_grad, "f f f <- f f f f f | d d d <- d d d d d | e f f <- e e f f f | E f f <- E E f f f", batch_shapes) {
    reduce_with("batch_norm_grad", ins[0].dtype, Shape(ins[1]).axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return sums(outs, ins, Vector<C>(ins[3]), Vector<C>(ins[4]), Vector<C>(ins[2]));
    });
    write("batch_norm_grad", ins[1], stream, [&](auto zero) {
        using C = decltype(zero);
        return gradient(outs, ins, Vector<C>(ins[3]), Vector<C>(ins[4]), Vector<C>(ins[2]));
    });
}

// outs: dx, dgamma, dbeta; ins: g, x, gamma, beta, mean, rstd; attrs: activation, its slope.
GPUDL_KERNEL_WHEN(batch_norm_act_grad,
                  "f f f <- f f f f f f ; i r | d d d <- d d d d d d ; i r | e f f <- e e f f f f ; i r | E f f <- E E f f f f ; i r",
                  with_act<0>) {
    const char* name = "batch_norm_act_grad";
    reduce_with(name, ins[0].dtype, Shape(ins[1]).axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchActSums<C>{sums(outs, ins, Vector<C>(ins[4]), Vector<C>(ins[5]), Vector<C>(ins[2])), Vector<C>(ins[3]), Bend(attrs)};
    });
    write(name, ins[1], stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchActGrad<C>{gradient(outs, ins, Vector<C>(ins[4]), Vector<C>(ins[5]), Vector<C>(ins[2])), Vector<C>(ins[3]),
                               Bend(attrs)};
    });
}

GPUDL_KERNEL_WHEN(batch_norm_inference, GPUDL_GIVEN(" ; r"), batch_shapes) {
    write("batch_norm_inference", ins[0], stream, [&](auto zero) { return given<decltype(zero)>(outs, ins, attrs); });
}

// attrs: epsilon, activation, its slope.
GPUDL_KERNEL_WHEN(batch_norm_inference_act, GPUDL_GIVEN(" ; r i r"), with_act<1>) {
    write("batch_norm_inference_act", ins[0], stream, [&](auto zero) {
        using C = decltype(zero);
        return ScaleShiftAct<C>{given<C>(outs, ins, attrs), Bend(attrs + 1)};
    });
}

// outs: dx, dmean, dvariance, dgamma, dbeta; ins: g, x, mean, variance, gamma; attrs: epsilon.
GPUDL_KERNEL_WHEN(batch_norm_inference_grad,
                  "f f f f f <- f f f f f ; r | d d d d d <- d d d d d ; r | e f f f f <- e e f f f ; r | E f f f f <- E E f f f ; r",
                  batch_shapes) {
    reduce_with("batch_norm_inference_grad", ins[0].dtype, Shape(ins[1]).axes, stream, [&](auto zero) {
        using C = decltype(zero);
        return BatchSums<C>{over<C, 2>(outs[0], ins), Vector<C>(ins[2]), Vector<C>(ins[3]), Vector<C>(ins[4]), true,
                            C(attrs[0].real),         outs[3].as<C>(),   outs[4].as<C>(),   outs[1].as<C>(),   outs[2].as<C>()};
    });
    write("batch_norm_inference_grad", ins[1], stream, [&](auto zero) {
        using C = decltype(zero);
        return InferenceGrad<C>{over<C>(outs[0], ins[0]), Vector<C>(ins[3]), Vector<C>(ins[4]), C(attrs[0].real)};
    });
}

}  // namespace gpudl
