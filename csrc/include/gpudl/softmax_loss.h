// Defines softmax together with the cross-entropy of every row: gpudl/ops/fused.py. Row by row, as softmax.h.
#pragma once
#include <gpudl/labels.h>
#include <gpudl/softmax.h>

namespace gpudl {
namespace rows {

// The loss of a row from its class number: NaN if that is no class.
template <class C> struct LabelLoss {
    char* loss;
    labels::Labels target;

    GPUDL_HOST_DEVICE void write(const char* z, char dtype, int64_t out, C high, C log_sum) const {
        const int64_t label = target.at(out, false);
        C made = C(NAN);
        if (label >= 0) made = log_sum - (reduction::read<C>(z, dtype, out * target.classes + label) - high);
        reduction::write<C>(loss, dtype, out, made);
    }
};

template <class C> struct SoftmaxLabelledOfLong : SoftmaxOfLong<C> {
    LabelLoss<C> loss;

    GPUDL_HOST_DEVICE ExpSum<C> settle(ExpSum<C> found, int more, Nothing row, int64_t out, bool leader) const {
        found = SoftmaxOfLong<C>::settle(found, more, row, out, leader);
        if (leader) loss.write(this->in[0], this->dtype, out, found.high, math::log(found.sum));
        return found;
    }
};

template <class C> struct SoftmaxLabelled : Softmax<C> {
    LabelLoss<C> loss;

    using Long = SoftmaxLabelledOfLong<C>;
    Long for_long() const { return {Softmax<C>::for_long(), loss}; }

    GPUDL_HOST_DEVICE C settle(C high, C sum, Nothing row, int64_t out, bool leader) const {
        if (leader) loss.write(this->in[0], this->dtype, out, high, math::log(sum));
        return Softmax<C>::settle(high, sum, row, out, leader);
    }
};

// Of exp(x - greatest), of targets, and of targets times (x - greatest).
template <class C> struct TargetSums {
    C sum, targets, along;
};
template <class C> struct TargetSumsOf {
    static constexpr bool there = true;
    using Acc = TargetSums<C>;
    GPUDL_HOST_DEVICE static Acc empty() { return {C(0), C(0), C(0)}; }
    GPUDL_HOST_DEVICE static Acc join(Acc a, Acc b) { return {a.sum + b.sum, a.targets + b.targets, a.along + b.along}; }
};

// The loss, sum of t (log_sum - (x - greatest)), is log_sum times the sum of t, less that of t (x - greatest): for targets that are not
// negative neither is either term, so no digits are lost.
template <class C> struct SoftmaxTargets : TwoStages<C, 2> {
    using First = GreatestOf<C>;
    using Second = TargetSumsOf<C>;
    C* stats;
    int64_t outputs;
    char* loss;

    template <class I> GPUDL_HOST_DEVICE C first(const I& item, Nothing, int64_t) const { return item.v[0]; }
    template <class I> GPUDL_HOST_DEVICE I change(const I& item, C high, Nothing) const { return {{item.v[0] - high, item.v[1]}}; }
    template <class I> GPUDL_HOST_DEVICE TargetSums<C> second(const I& item, Nothing, int64_t) const {
        return {math::exp(item.v[0]), item.v[1], item.v[0] * item.v[1]};
    }
    GPUDL_HOST_DEVICE C settle(C high, const TargetSums<C>& found, Nothing, int64_t out, bool leader) const {
        if (leader) {
            const C log_sum = math::log(found.sum);
            stats[out] = high;
            stats[outputs + out] = log_sum;
            reduction::write<C>(loss, this->y_dtype, out, log_sum * found.targets - found.along);
        }
        return found.sum;
    }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C sum, Nothing, int64_t) const { return math::exp(item.v[0]) / sum; }
};

}  // namespace rows
}  // namespace gpudl
