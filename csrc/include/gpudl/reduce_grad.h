// Defines the gradients of reductions that search x again before they write: gpudl/ops/reduce.py.
#pragma once
#include <gpudl/stages.h>

namespace gpudl {
namespace rows {

// One gradient for each result, or one for all.
struct Upstream {
    const char* data;
    int64_t step;

    explicit Upstream(const TensorView& g) : data(g.as<char>()), step(g.size() > 1) {}
};

template <class C> struct VarianceGrad : TwoStages<C, 1> {  // 2 g (x - mean) / count
    using First = SumOf<C>;
    using Second = SumOf<C>;
    using Row = C;
    Upstream g;
    C count;

    GPUDL_HOST_DEVICE C begin(int64_t out) const { return read<C>(g.data, this->dtype, out * g.step); }
    template <class I> GPUDL_HOST_DEVICE C first(const I& item, C, int64_t) const { return item.v[0]; }
    template <class I> GPUDL_HOST_DEVICE I change(const I& item, C sum, C) const { return {item.v[0] - sum / count}; }
    template <class I> GPUDL_HOST_DEVICE C second(const I& item, C, int64_t) const { return item.v[0]; }
    GPUDL_HOST_DEVICE C settle(C, C off, C, int64_t, bool) const { return off / count; }  // the error of the rounded mean
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C error, C grad, int64_t) const {
        return (item.v[0] - error) * (C(2) / count) * grad;
    }
};

// g shared evenly by the elements that are equal to y; NaN if y is NaN, since none is.
template <class C> struct ExtremeGrad : OneStage<C, 1> {
    using First = SumOf<C>;
    struct Row {
        C g, y;
    };
    Upstream g, found;

    GPUDL_HOST_DEVICE Row begin(int64_t out) const {
        return {read<C>(g.data, this->dtype, out * g.step), read<C>(found.data, this->dtype, out * found.step)};
    }
    template <class I> GPUDL_HOST_DEVICE C first(const I& item, const Row& row, int64_t) const { return item.v[0] == row.y ? C(1) : C(0); }
    GPUDL_HOST_DEVICE C settle(C equal, int, const Row& row, int64_t, bool) const { return row.g / equal; }
    template <class I> GPUDL_HOST_DEVICE C map(const I& item, C share, const Row& row, int64_t) const {
        return (item.v[0] == row.y ? C(1) : C(0)) * share;
    }
};

}  // namespace rows
}  // namespace gpudl
