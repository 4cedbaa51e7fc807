// Defines what reductions do with numbers, once for the C++ and the CUDA kernels: gpudl/ops/{reduce,find,magnitude}.py. What a program has to
// have is said in csrc/cuda/reduce.cuh.
#pragma once
#include <gpudl/erased.h>
#include <gpudl/math.h>

namespace gpudl {
namespace reduction {

template <class C> struct ClassFor;  // of erased.h
template <> struct ClassFor<float> : erased::Single {};
template <> struct ClassFor<double> : erased::Double {};
template <> struct ClassFor<int64_t> : erased::Integer {};
template <> struct ClassFor<uint64_t> : erased::Natural {};

template <class C> GPUDL_HOST_DEVICE inline C read(const void* from, char dtype, int64_t i) {
    return ClassFor<C>::load(static_cast<const char*>(from) + i * itemsize(dtype), dtype);
}
template <class C> GPUDL_HOST_DEVICE inline void write(void* to, char dtype, int64_t i, C x) {
    ClassFor<C>::store(static_cast<char*>(to) + i * itemsize(dtype), dtype, x);
}

GPUDL_HOST_DEVICE inline float sum_of(float a, float b) { return a + b; }
GPUDL_HOST_DEVICE inline double sum_of(double a, double b) { return a + b; }
template <class I> GPUDL_HOST_DEVICE inline I sum_of(I a, I b) { return I(uint64_t(a) + uint64_t(b)); }  // wraps around
GPUDL_HOST_DEVICE inline float product_of(float a, float b) { return a * b; }
GPUDL_HOST_DEVICE inline double product_of(double a, double b) { return a * b; }
template <class I> GPUDL_HOST_DEVICE inline I product_of(I a, I b) { return I(uint64_t(a) * uint64_t(b)); }

template <class C> GPUDL_HOST_DEVICE inline C root_of(C a) { return math::sqrt(a); }
template <> GPUDL_HOST_DEVICE inline int64_t root_of(int64_t a) { return a; }  // nobody asks

struct Nothing {};

// Operands of one dtype and shape, a result, and what most programs do not need.
template <class Value, int n = 1> struct Over {
    using C = Value;
    using Row = Nothing;
    static constexpr int inputs = n;
    static constexpr bool heavy = false;  // its arithmetic takes longer than its loads
    const char* in[n];
    char dtype, y_dtype;
    char* y;

    GPUDL_HOST_DEVICE Row begin(int64_t, int64_t) const { return {}; }
    GPUDL_HOST_DEVICE void put(int64_t out, C x) const { write<C>(y, y_dtype, out, x); }
};

template <class C> inline Over<C> over(const TensorView& y, const TensorView& x) {
    return {{x.size() ? x.as<char>() : nullptr}, x.dtype, y.dtype, y.as<char>()};
}

// Programs whose part of a result is a result of a part.
#define GPUDL_PARTS_ARE_RESULTS(A)                                                                                                         \
    using Acc = A;                                                                                                                         \
    using Part = A;                                                                                                                        \
    GPUDL_HOST_DEVICE A start() const { return this->empty(); }                                                                            \
    template <class R> GPUDL_HOST_DEVICE A close(A part, const R&) const { return part; }

enum class Total { sum, mean, norm, squares };

template <class C> struct Sum : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(C)
    Total total;
    int64_t count;

    GPUDL_HOST_DEVICE C empty() const { return C(0); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, Nothing, int64_t) const {
        return sum_of(a, total == Total::norm || total == Total::squares ? item.v[0] * item.v[0] : item.v[0]);
    }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return sum_of(a, b); }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, Nothing) const {
        this->put(out, total == Total::mean ? a / C(count) : total == Total::norm ? root_of(a) : a);
    }
};

template <class C> struct Product : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(C)

    GPUDL_HOST_DEVICE C empty() const { return C(1); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, Nothing, int64_t) const { return product_of(a, item.v[0]); }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return product_of(a, b); }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, Nothing) const { this->put(out, a); }
};

template <class C> struct Limits {
    static constexpr C lowest = C(-INFINITY), highest = C(INFINITY);
};
template <> struct Limits<int64_t> {
    static constexpr int64_t lowest = INT64_MIN, highest = INT64_MAX;
};
template <> struct Limits<uint64_t> {
    static constexpr uint64_t lowest = 0, highest = UINT64_MAX;
};

template <class C> struct Extreme : Over<C> {  // NaN if one is NaN
    GPUDL_PARTS_ARE_RESULTS(C)
    bool greatest;

    GPUDL_HOST_DEVICE C empty() const { return greatest ? Limits<C>::lowest : Limits<C>::highest; }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, Nothing, int64_t) const { return join(a, item.v[0]); }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return greatest ? math::max_of(a, b) : math::min_of(a, b); }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, Nothing) const { this->put(out, a); }
};

enum class Question { any, all, count };

template <class C> struct Nonzero : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(int64_t)
    Question question;
    int64_t count;

    GPUDL_HOST_DEVICE int64_t empty() const { return 0; }
    template <class I> GPUDL_HOST_DEVICE int64_t take(int64_t a, const I& item, Nothing, int64_t) const { return a + (item.v[0] != 0); }
    GPUDL_HOST_DEVICE int64_t join(int64_t a, int64_t b) const { return a + b; }
    GPUDL_HOST_DEVICE void finish(int64_t a, int64_t out, Nothing) const {
        write<int64_t>(this->y, this->y_dtype, out, question == Question::count ? a : question == Question::any ? a > 0 : a == count);
    }
};

// Where the greatest or smallest is: NaN before all, of equals the first.
template <class C> struct Place {
    int64_t index;  // -1: nowhere yet
    C value, unused;
};

template <class C> struct Find : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(Place<C>)
    bool greatest;

    GPUDL_HOST_DEVICE Place<C> empty() const { return {-1, C(0), C(0)}; }
    template <class I> GPUDL_HOST_DEVICE Place<C> take(Place<C> a, const I& item, Nothing, int64_t at) const {
        return join(a, {at, item.v[0], C(0)});
    }
    GPUDL_HOST_DEVICE Place<C> join(Place<C> a, Place<C> b) const {
        if (b.index < 0) return a;
        if (a.index < 0) return b;
        const bool first = math::is_nan(a.value), second = math::is_nan(b.value);
        if (first != second) return first ? a : b;
        if (!first && a.value != b.value) return (greatest ? a.value > b.value : a.value < b.value) ? a : b;
        return a.index < b.index ? a : b;
    }
    GPUDL_HOST_DEVICE void finish(Place<C> a, int64_t out, Nothing) const { write<int64_t>(this->y, this->y_dtype, out, a.index); }
};

// Mean and squared deviations (Chan, Golub, LeVeque 1983), of numbers from which the first one was taken away: exact where the mean is large.
// A part adds up differences from its own first number, which lose at most as many times the rounding as the part has numbers.
template <class C> struct Moments {
    C count, mean, squares;

    GPUDL_HOST_DEVICE static Moments join(const Moments& a, const Moments& b) {
        if (a.count == C(0)) return b;
        if (b.count == C(0)) return a;
        const C n = a.count + b.count, share = b.count / n, delta = b.mean - a.mean;
        return {n, a.mean + delta * share, a.squares + b.squares + delta * delta * a.count * share};
    }
};
template <class C> struct MomentsPart {
    C count, first, sum, squares;

    GPUDL_HOST_DEVICE static MomentsPart take(MomentsPart a, C x) {
        if (a.count == C(0)) a.first = x;
        const C d = x - a.first;
        return {a.count + C(1), a.first, a.sum + d, a.squares + d * d};
    }
    GPUDL_HOST_DEVICE Moments<C> close(C pivot) const {
        if (count == C(0)) return {C(0), C(0), C(0)};
        const C off = sum / count, rest = squares - sum * off;
        return {count, first - pivot + off, rest < C(0) ? C(0) : rest};  // NaN stays
    }
};

template <class C> struct MomentsOf : Over<C> {
    using Row = C;  // the first number
    using Acc = Moments<C>;
    using Part = MomentsPart<C>;

    GPUDL_HOST_DEVICE C begin(int64_t, int64_t offset) const { return this->in[0] ? read<C>(this->in[0], this->dtype, offset) : C(0); }
    GPUDL_HOST_DEVICE Part start() const { return {C(0), C(0), C(0), C(0)}; }
    template <class I> GPUDL_HOST_DEVICE Part take(Part a, const I& item, C, int64_t) const { return Part::take(a, item.v[0]); }
    GPUDL_HOST_DEVICE Acc close(Part part, C pivot) const { return part.close(pivot); }
    GPUDL_HOST_DEVICE Acc empty() const { return {C(0), C(0), C(0)}; }
    GPUDL_HOST_DEVICE Acc join(Acc a, Acc b) const { return Acc::join(a, b); }
};

template <class C> struct Variance : MomentsOf<C> {
    GPUDL_HOST_DEVICE void finish(Moments<C> a, int64_t out, C) const { this->put(out, a.squares / a.count); }
};

// The greatest of numbers and the sum of exp(x - greatest), in one pass. What is -inf adds nothing; NaN and inf make the sum NaN.
template <class C> struct ExpSum {
    C high, sum;

    GPUDL_HOST_DEVICE static ExpSum take(ExpSum a, C x) {
        if (x == -C(INFINITY)) return a;
        if (x > a.high || math::is_nan(x)) return {x, a.sum * math::exp(a.high - x) + C(1)};
        return {a.high, a.sum + math::exp(x - a.high)};
    }
    GPUDL_HOST_DEVICE static ExpSum join(const ExpSum& a, const ExpSum& b) {
        if (b.high == -C(INFINITY)) return a;
        if (a.high == -C(INFINITY)) return b;
        if (b.high > a.high || math::is_nan(b.high)) return {b.high, a.sum * math::exp(a.high - b.high) + b.sum};
        return {a.high, a.sum + b.sum * math::exp(b.high - a.high)};
    }
};

template <class C> struct LogSumExp : Over<C> {
    GPUDL_PARTS_ARE_RESULTS(ExpSum<C>)
    static constexpr bool heavy = true;

    GPUDL_HOST_DEVICE ExpSum<C> empty() const { return {-C(INFINITY), C(0)}; }
    template <class I> GPUDL_HOST_DEVICE ExpSum<C> take(ExpSum<C> a, const I& item, Nothing, int64_t) const {
        return ExpSum<C>::take(a, item.v[0]);
    }
    GPUDL_HOST_DEVICE ExpSum<C> join(ExpSum<C> a, ExpSum<C> b) const { return ExpSum<C>::join(a, b); }
    GPUDL_HOST_DEVICE void finish(ExpSum<C> a, int64_t out, Nothing) const {
        const C infinite = C(INFINITY);
        this->put(out, a.high == infinite || a.high == -infinite ? a.high : math::log(a.sum) + a.high);
    }
};

// For gradients: what reaches x through one result.
struct Whole {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g) const { return g; }
};
struct Share {
    double count;
    template <class C> GPUDL_HOST_DEVICE C operator()(C g) const { return g / C(count); }
};
struct LogSumExpGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x, C y) const {
        return math::exp(x - (math::fabs(y) == C(INFINITY) ? C(0) : y)) * g;
    }
};
struct EuclideanNormGrad {
    template <class C> GPUDL_HOST_DEVICE C operator()(C g, C x, C y) const { return x * (g / (y == C(0) ? C(1) : y)); }
};

}  // namespace reduction
}  // namespace gpudl
