// Defines softmax, log-softmax, their gradients and that of the cross-entropy, row by row: gpudl/ops/{softmaxes,crossentropy}.py.
//
// The greatest score is taken away first, so nothing overflows. Rows of NaN, of inf, and of -inf alone become NaN by the arithmetic itself.
#pragma once
#include <gpudl/stages.h>

namespace gpudl {
namespace rows {

// In one pass before the last: for rows that are read from memory each time.
template <class C> struct SoftmaxOfLong : OneStage<C, 1> {
    using First = ExpSumOf<C>;
    C* stats;
    int64_t outputs;

    template <class I> GPUDL_HOST_DEVICE ExpSum<C> first(const I& item, Nothing, int64_t) const { return {item.v[0], C(1)}; }
    GPUDL_HOST_DEVICE ExpSum<C> settle(ExpSum<C> found, int, Nothing, int64_t out, bool leader) const {
        found.sum += found.high - found.high;  // NaN where the greatest is not finite
        if (leader) {
            stats[out] = found.high;
            stats[outputs + out] = math::log(found.sum);
        }
        return found;
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, ExpSum<C> found, Nothing, int64_t) const {
        return math::exp(item.v[0] - found.high) / found.sum;
    }
};

template <class C> struct Softmax : TwoStages<C, 1> {
    using First = GreatestOf<C>;
    using Second = SumOf<C>;
    C* stats;  // the greatest of each row, then log of the sum of exp(x - greatest)
    int64_t outputs;

    using Long = SoftmaxOfLong<C>;
    Long for_long() const { return {{static_cast<const Over<C>&>(*this)}, stats, outputs}; }

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0]; }
    template <class I> GPUDL_HOST_DEVICE I change(const I& item, C high, Nothing) const { return {math::exp(item.v[0] - high)}; }
    template <class I> GPUDL_HOST_DEVICE C second(const I& item, Nothing, int64_t) const { return item.v[0]; }
    GPUDL_HOST_DEVICE C settle(C high, C sum, Nothing, int64_t out, bool leader) const {
        if (leader) {
            stats[out] = high;
            stats[outputs + out] = math::log(sum);
        }
        return sum;
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C sum, Nothing, int64_t) const { return item.v[0] / sum; }
};

template <class C> struct LogSoftmaxOfLong : OneStage<C, 1> {
    using First = ExpSumOf<C>;

    template <class I> GPUDL_HOST_DEVICE ExpSum<C> first(const I& item, Nothing, int64_t) const { return {item.v[0], C(1)}; }
    GPUDL_HOST_DEVICE ExpSum<C> settle(ExpSum<C> found, int, Nothing, int64_t, bool) const {
        return {found.high, math::log(found.sum + (found.high - found.high))};
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, ExpSum<C> found, Nothing, int64_t) const {
        return item.v[0] - found.high - found.sum;
    }
};

template <class C> struct LogSoftmax : TwoStages<C, 1> {
    using First = GreatestOf<C>;
    using Second = SumOf<C>;
    using Long = LogSoftmaxOfLong<C>;
    Long for_long() const { return {{static_cast<const Over<C>&>(*this)}}; }

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0]; }
    template <class I> GPUDL_HOST_DEVICE I change(const I& item, C high, Nothing) const { return {item.v[0] - high}; }
    template <class I> GPUDL_HOST_DEVICE C second(const I& item, Nothing, int64_t) const { return math::exp(item.v[0]); }
    GPUDL_HOST_DEVICE C settle(C, C sum, Nothing, int64_t, bool) const { return math::log(sum); }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C log_sum, Nothing, int64_t) const { return item.v[0] - log_sum; }
};

template <class C> struct SoftmaxGrad : OneStage<C, 2> {  // of g and the probabilities
    using First = SumOf<C>;

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0] * item.v[1]; }
    GPUDL_HOST_DEVICE C settle(C sum, int, Nothing, int64_t, bool) const { return sum; }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C sum, Nothing, int64_t) const { return (item.v[0] - sum) * item.v[1]; }
};

template <class C> struct LogSoftmaxGrad : OneStage<C, 2> {  // of g and the logarithms
    using First = SumOf<C>;

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0]; }
    GPUDL_HOST_DEVICE C settle(C sum, int, Nothing, int64_t, bool) const { return sum; }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C sum, Nothing, int64_t) const {
        return item.v[0] - math::exp(item.v[1]) * sum;
    }
};

template <class C> struct CategoricalCrossentropyGrad : OneStage<C, 2> {  // of probabilities and targets, which need not sum to 1
    using First = SumOf<C>;
    using Row = C;
    const char* g;

    GPUDL_HOST_DEVICE C begin(int64_t out) const { return read<C>(g, this->dtype, out); }
    template <class I> GPUDL_HOST_DEVICE C first(const I& item, C, int64_t) const { return item.v[1]; }
    GPUDL_HOST_DEVICE C settle(C sum, int, C, int64_t, bool) const { return sum; }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C sum, C grad, int64_t) const { return (item.v[0] * sum - item.v[1]) * grad; }
};

}  // namespace rows
}  // namespace gpudl
