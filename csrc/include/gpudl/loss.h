// Defines losses: cross-entropies, squared errors, weighted sums; gpudl/ops/{crossentropy,loss}.py.
#pragma once
#include <gpudl/stages.h>

namespace gpudl {
namespace losses {

using namespace reduction;

template <class C> struct CategoricalCrossentropy : Over<C, 2> {  // of scores and targets
    struct Row {
        C high, log_sum;
    };
    GPUDL_PARTS_ARE_RESULTS(C)
    const C* stats;  // of softmax
    int64_t outputs;

    GPUDL_HOST_DEVICE Row begin(int64_t out, int64_t) const { return {stats[out], stats[outputs + out]}; }
    GPUDL_HOST_DEVICE C empty() const { return C(0); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, const Row& row, int64_t) const {
        return a + (row.log_sum - (item.v[0] - row.high)) * item.v[1];
    }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return a + b; }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, const Row&) const { this->put(out, a); }
};

template <class C> struct MeanSquaredError : Over<C, 2> {
    GPUDL_PARTS_ARE_RESULTS(C)
    C count;

    GPUDL_HOST_DEVICE C empty() const { return C(0); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, Nothing, int64_t) const {
        const C d = item.v[0] - item.v[1];
        return a + d * d;
    }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return a + b; }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, Nothing) const { this->put(out, a / count); }
};

template <class C> struct WeightedSum : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(C)
    const char* weights;
    bool each;  // a weight for each number, else one for all
    C divisor;

    GPUDL_HOST_DEVICE C empty() const { return C(0); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, Nothing, int64_t at) const {
        return a + (each ? item.v[0] * read<C>(weights, this->dtype, at) : item.v[0]);
    }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return a + b; }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, Nothing) const {
        this->put(out, (each ? a : a * read<C>(weights, this->dtype, 0)) / divisor);
    }
};

struct WeightedSumGrad {
    double divisor;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C weight) const { return weight * (g / C(divisor)); }
};

struct MeanSquaredErrorGrad {
    double by;  // 2 / count
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C a, C b) const { return (a - b) * (g * C(by)); }
};

struct BinaryCrossentropy {  // of a score and a target: max(z, 0) - z t + log(1 + exp(-|z|))
    template <class C> GPUDL_HOST_DEVICE C operator()(C z, C t) const {
        return math::log1p(math::exp(-math::fabs(z))) + math::max_of(z, C(0)) - z * t;
    }
};

struct BinaryCrossentropyGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C p, C t) const { return (p - t) * g; }
};

}  // namespace losses
}  // namespace gpudl
