// Defines what rows are searched for before they are written anew: stages of the programs of csrc/cuda/rows.cuh.
#pragma once
#include <gpudl/reduce.h>

namespace gpudl {
namespace rows {

using namespace reduction;

struct NoStage {
    static constexpr bool there = false;
    using Acc = int;
    GPUDL_HOST_DEVICE static int empty() { return 0; }
    GPUDL_HOST_DEVICE static int join(int a, int) { return a; }
};

template <class C> struct SumOf {
    static constexpr bool there = true;
    using Acc = C;
    GPUDL_HOST_DEVICE static C empty() { return C(0); }
    GPUDL_HOST_DEVICE static C join(C a, C b) { return a + b; }
};

template <class C> struct Two {
    C a, b;
};
template <class C> struct TwoSums {
    static constexpr bool there = true;
    using Acc = Two<C>;
    GPUDL_HOST_DEVICE static Two<C> empty() { return {C(0), C(0)}; }
    GPUDL_HOST_DEVICE static Two<C> join(Two<C> x, Two<C> y) { return {x.a + y.a, x.b + y.b}; }
};

template <class C> struct GreatestOf {
    static constexpr bool there = true;
    using Acc = C;
    GPUDL_HOST_DEVICE static C empty() { return Limits<C>::lowest; }
    GPUDL_HOST_DEVICE static C join(C a, C b) { return math::max_of(a, b); }
};

template <class C> struct ExpSumOf {
    static constexpr bool there = true;
    using Acc = ExpSum<C>;
    GPUDL_HOST_DEVICE static Acc empty() { return {Limits<C>::lowest, C(0)}; }
    GPUDL_HOST_DEVICE static Acc join(Acc a, Acc b) { return Acc::join(a, b); }
};

// y and operands of one dtype and shape.
template <class C, int n> inline Over<C, n> over(const TensorView& y, const TensorView* ins) {
    Over<C, n> operands = {{}, ins[0].dtype, y.dtype, y.as<char>()};
    for (int k = 0; k < n; k++) operands.in[k] = ins[k].as<char>();
    return operands;
}

// What programs of one stage need not say.
template <class C, int n> struct OneStage : Over<C, n> {
    using Second = NoStage;
    GPUDL_HOST_DEVICE Nothing begin(int64_t) const { return {}; }
    template <class I, class R> GPUDL_HOST_DEVICE I prepare(I item, R, int64_t) const { return item; }
};
template <class C, int n> struct TwoStages : Over<C, n> {
    GPUDL_HOST_DEVICE Nothing begin(int64_t) const { return {}; }
    template <class I, class R> GPUDL_HOST_DEVICE I prepare(I item, R, int64_t) const { return item; }
};

}  // namespace rows
}  // namespace gpudl
