// Defines batch, layer and RMS normalization and their gradients: gpudl/ops/{normalization,layernorm}.py.
//
// Variances come from joined means and squared deviations, or from differences to the mean: never as E[x²] - E[x]².
#pragma once
#include <gpudl/activation.h>
#include <gpudl/stages.h>

namespace gpudl {
namespace norm {

using namespace rows;

// One number for each channel, or one for all.
template <class C> struct Vector {
    const C* data;
    int64_t step;

    explicit Vector(const TensorView& v) : data(v.as<C>()), step(v.size() > 1) {}
    GPUDL_HOST_DEVICE C operator[](int64_t i) const { return data[i * step]; }
};

// An average over batches, which keeps the dtype that its layer gave it.
template <class C> struct Moving {
    char* data;
    char dtype;
    GPUDL_HOST_DEVICE void take(int64_t c, C now, C momentum, C rest) const {
        if (dtype == 'd') write<double>(data, dtype, c, read<double>(data, dtype, c) * double(momentum) + double(now * rest));
        else write<float>(data, dtype, c, read<float>(data, dtype, c) * float(momentum) + float(now * rest));
    }
};

// The statistics of a batch, channel by channel, and what they do to the moving ones.
template <class C> struct BatchStatistics : MomentsOf<C> {
    C *mean, *rstd;
    Moving<C> moving_mean, moving_variance;
    C momentum, rest, epsilon;

    GPUDL_HOST_DEVICE void finish(Moments<C> a, int64_t c, C pivot) const {
        const bool some = a.count > C(0);
        const C variance = some ? a.squares / a.count : C(0);
        const C middle = math::is_nan(variance) ? variance : some ? pivot + a.mean : C(0);
        mean[c] = middle;
        rstd[c] = C(1) / math::sqrt(variance + epsilon);
        if (!some) return;  // an empty batch says nothing
        moving_mean.take(c, middle, momentum, rest);
        moving_variance.take(c, variance, momentum, rest);
    }
};

// (x - mean) scale + shift: what is known of a channel
template <class C> struct Scaled {
    C mean, scale, shift;
    GPUDL_HOST_DEVICE C operator()(C x) const { return (x - mean) * scale + shift; }
};

template <class C> struct ScaleAndShift : Over<C, 1> {
    Vector<C> mean, spread, gamma, beta;  // spread: 1 / sqrt(variance + epsilon), or the variance
    bool of_variance;
    C epsilon;

    using Row = Scaled<C>;
    GPUDL_HOST_DEVICE Row begin(int64_t c) const {
        const C scale = of_variance ? gamma[c] / math::sqrt(spread[c] + epsilon) : spread[c] * gamma[c];
        return {mean[c], scale, beta[c]};
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, const Row& row) const { return row(item.v[0]); }
};

// The ReLU (attribute `act` is 1) or LeakyReLU (2) behind it.
struct Bend {
    bool leaky;
    double slope;

    explicit Bend(const Scalar* attrs) : leaky(attrs[0].integer == 2), slope(attrs[1].real) {}
    template <class C> GPUDL_HOST_DEVICE C operator()(C z) const { return leaky ? LeakyRelu{slope}(z) : Relu{}(z); }
    template <class C> GPUDL_HOST_DEVICE C back(C g, C z) const { return leaky ? LeakyReluGrad{slope}(g, z) : ReluGrad{}(g, z); }
};

template <class C> struct ScaleShiftAct : ScaleAndShift<C> {
    Bend bend;
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, const Scaled<C>& row) const { return bend(row(item.v[0])); }
};

// The sums of g and of g (x - mean), channel by channel, and the gradients that they are.
template <class C> struct BatchSums : Over<C, 2> {  // of g and x
    using Row = C;
    GPUDL_PARTS_ARE_RESULTS(Two<C>)
    Vector<C> mean, spread, gamma;
    bool of_variance;
    C epsilon;
    C *dgamma, *dbeta, *dmean, *dvariance;  // the last two where statistics were given

    GPUDL_HOST_DEVICE C begin(int64_t c, int64_t) const { return mean[c]; }
    GPUDL_HOST_DEVICE Two<C> empty() const { return {C(0), C(0)}; }
    template <class I> GPUDL_HOST_DEVICE Two<C> take(Two<C> a, const I& item, C middle, int64_t) const {
        return {a.a + item.v[0], a.b + (item.v[1] - middle) * item.v[0]};
    }
    GPUDL_HOST_DEVICE Two<C> join(Two<C> a, Two<C> b) const { return {a.a + b.a, a.b + b.b}; }
    GPUDL_HOST_DEVICE void finish(Two<C> sums, int64_t c, C) const {
        const C rstd = of_variance ? C(1) / math::sqrt(spread[c] + epsilon) : spread[c];
        dbeta[c] = sums.a;
        dgamma[c] = sums.b * rstd;
        if (!of_variance) return;
        const C scale = gamma[c] * rstd;
        dmean[c] = -scale * sums.a;
        dvariance[c] = scale * rstd * rstd * sums.b / C(-2);
    }
};

// The same with the gradient of z = (x - mean) rstd gamma + beta in g's place, which is made of that of activation(z).
template <class C> struct BatchActSums : BatchSums<C> {
    using Row = Scaled<C>;
    Vector<C> beta;
    Bend bend;

    GPUDL_HOST_DEVICE Row begin(int64_t c, int64_t) const { return {this->mean[c], this->spread[c] * this->gamma[c], beta[c]}; }
    template <class I> GPUDL_HOST_DEVICE Two<C> take(Two<C> a, const I& item, const Row& row, int64_t at) const {
        return BatchSums<C>::take(a, I{bend.back(item.v[0], row(item.v[1])), item.v[1]}, row.mean, at);
    }
    GPUDL_HOST_DEVICE void finish(Two<C> sums, int64_t c, const Row& row) const { BatchSums<C>::finish(sums, c, row.mean); }
};

// dx = scale g + slope (x - mean) + shift
template <class C> struct BatchNormGrad : Over<C, 2> {  // of g and x
    Vector<C> mean, rstd, gamma;
    const C *dgamma, *dbeta;
    C count;

    struct Row {
        C mean, scale, slope, shift;
    };
    GPUDL_HOST_DEVICE Row begin(int64_t c) const {
        const C scale = gamma[c] * rstd[c];
        return {mean[c], scale, -scale * rstd[c] * dgamma[c] / count, -scale * dbeta[c] / count};
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, const Row& row) const {
        return item.v[0] * row.scale + ((item.v[1] - row.mean) * row.slope + row.shift);
    }
};

template <class C> struct BatchActGrad : BatchNormGrad<C> {
    Vector<C> beta;
    Bend bend;

    using Plain = typename BatchNormGrad<C>::Row;
    struct Row {
        Plain plain;
        C beta;
    };
    GPUDL_HOST_DEVICE Row begin(int64_t c) const { return {BatchNormGrad<C>::begin(c), beta[c]}; }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, const Row& row) const {
        const C z = Scaled<C>{row.plain.mean, row.plain.scale, row.beta}(item.v[1]);
        return BatchNormGrad<C>::map(I{bend.back(item.v[0], z), item.v[1]}, row.plain);
    }
};

template <class C> struct InferenceGrad : Over<C, 1> {  // dx = scale g
    Vector<C> variance, gamma;
    C epsilon;

    using Row = C;
    GPUDL_HOST_DEVICE C begin(int64_t c) const { return gamma[c] * (C(1) / math::sqrt(variance[c] + epsilon)); }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C scale) const { return item.v[0] * scale; }
};

// Rows -----------------------------------------------------------------------------------------------------------------------------------

template <class C> struct Centre {
    C error, rstd;  // error: of the rounded mean
};

template <class C> struct LayerNorm : TwoStages<C, 1> {
    using First = SumOf<C>;
    using Second = TwoSums<C>;
    Vector<C> gamma, beta;
    C *mean, *rstd;
    C epsilon, count;

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0]; }
    template <class I> GPUDL_HOST_DEVICE I change(const I& item, C sum, Nothing) const { return {item.v[0] - sum / count}; }
    template <class I> GPUDL_HOST_DEVICE Two<C> second(const I& item, Nothing, int64_t) const { return {item.v[0], item.v[0] * item.v[0]}; }
    GPUDL_HOST_DEVICE Centre<C> settle(C sum, Two<C> off, Nothing, int64_t out, bool leader) const {
        const C error = off.a / count, variance = off.b / count - error * error;  // error is a rounding unit of the mean
        const C spread = C(1) / math::sqrt((variance < C(0) ? C(0) : variance) + epsilon);
        if (leader) {
            mean[out] = sum / count + error;
            rstd[out] = spread;
        }
        return {error, spread};
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, const Centre<C>& c, Nothing, int64_t at) const {
        return (item.v[0] - c.error) * c.rstd * gamma[at] + beta[at];
    }
};

template <class C> struct RmsNorm : OneStage<C, 1> {
    using First = SumOf<C>;
    Vector<C> scale;
    C* rstd;
    C epsilon, count;

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0] * item.v[0]; }
    GPUDL_HOST_DEVICE C settle(C sum, int, Nothing, int64_t out, bool leader) const {
        const C spread = C(1) / math::sqrt(sum / count + epsilon);
        if (leader) rstd[out] = spread;
        return spread;
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C spread, Nothing, int64_t at) const {
        return item.v[0] * spread * scale[at];
    }
};

// With n = (x - mean) rstd and h = g gamma: dx = rstd (h - mean(h) - n mean(h n)). RMS norm has no mean, and no first term.
template <class C> struct RowNormGrad : OneStage<C, 2> {  // of g and x, which become h and n
    using First = TwoSums<C>;
    struct Row {
        C mean, rstd;
    };
    Vector<C> gamma;
    const C *mean, *rstd;  // mean: null for RMS
    C count;

    GPUDL_HOST_DEVICE Row begin(int64_t out) const { return {mean ? mean[out] : C(0), rstd[out]}; }
    template <class I> GPUDL_HOST_DEVICE I prepare(const I& item, const Row& row, int64_t at) const {
        return {item.v[0] * gamma[at], (item.v[1] - row.mean) * row.rstd};
    }
    template <class I> GPUDL_HOST_DEVICE Two<C> first(const I& item, const Row&, int64_t) const {
        return {item.v[0], item.v[0] * item.v[1]};
    }
    GPUDL_HOST_DEVICE Two<C> settle(Two<C> sums, int, const Row&, int64_t, bool) const {
        return {mean ? sums.a / count : C(0), sums.b / count};
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, Two<C> means, const Row& row, int64_t) const {
        return (item.v[0] - means.a - item.v[1] * means.b) * row.rstd;
    }
};

// The sums of g and of g n down the rows.
template <class C> struct RowNormSums : Over<C, 2> {  // of g and x
    GPUDL_PARTS_ARE_RESULTS(Two<C>)
    const C *mean, *rstd;  // mean: null for RMS
    C *dgamma, *dbeta;     // dbeta: null for RMS

    GPUDL_HOST_DEVICE Two<C> empty() const { return {C(0), C(0)}; }
    template <class I> GPUDL_HOST_DEVICE Two<C> take(Two<C> a, const I& item, Nothing, int64_t at) const {
        const C n = (item.v[1] - (mean ? mean[at] : C(0))) * rstd[at];
        return {a.a + item.v[0], a.b + item.v[0] * n};
    }
    GPUDL_HOST_DEVICE Two<C> join(Two<C> a, Two<C> b) const { return {a.a + b.a, a.b + b.b}; }
    GPUDL_HOST_DEVICE void finish(Two<C> sums, int64_t out, Nothing) const {
        if (dbeta) dbeta[out] = sums.a;
        dgamma[out] = sums.b;
    }
};

}  // namespace norm
}  // namespace gpudl
