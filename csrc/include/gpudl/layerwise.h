// Defines the optimizers whose step follows from a parameter as a whole, once for the C++ and the CUDA kernels: gpudl/ops/layerwise.py.
//
// A rule has `slots`, `reads_slots`; `now<C>(rate, steps)`, the numbers of this step; `moved(now, i, s, g)`, which moves the slots s[1] … of
// element i by the gradient g and returns its step d; and `settle(now, squares, size)`, from the sums of p^2 and d^2: p -= d / divisor * factor.
#pragma once
#include <gpudl/averaging.h>
#include <gpudl/layout.h>
#include <gpudl/reduce.h>
#include <gpudl/stages.h>

namespace gpudl {
namespace layerwise {

template <class C> struct Now {
    C a, b, c, d, e, f;
};
template <class C> struct Move {
    C divisor, factor;
};

struct Lamb {
    static constexpr int slots = 2;  // mean, mean of squares
    static constexpr bool reads_slots = true;
    double beta_1, beta_2, epsilon;
    template <class C> GPUDL_HOST_DEVICE Now<C> now(double rate, int64_t steps) const {
        const double t = double(steps) + 1.0;
        return {C(1.0 - beta_1), C(1.0 - beta_2), C(1.0 - math::pow(beta_1, t)), C(1.0 - math::pow(beta_2, t)), C(epsilon), C(rate)};
    }
    template <class C> GPUDL_HOST_DEVICE C moved(const Now<C>& n, int64_t, C (&s)[3], C g) const {
        s[1] += (g - s[1]) * n.a;
        s[2] += (g * g - s[2]) * n.b;
        return s[1] / n.c / (math::sqrt(s[2] / n.d) + n.e);
    }
    template <class C> GPUDL_HOST_DEVICE Move<C> settle(const Now<C>& n, rows::Two<C> squares, int64_t) const {
        const C weight = math::sqrt(squares.a), length = math::sqrt(squares.b);
        return {C(1), (weight > C(0) && length > C(0) ? weight / length : C(1)) * n.f};
    }
};

struct Adafactor {
    double decay, tiny, least, clip;
    bool relative;

    // How much of the averages is kept.
    template <class C> GPUDL_HOST_DEVICE C kept(int64_t steps) const { return C(1) - math::pow(C(double(steps) + 1.0), C(decay)); }
    template <class C> GPUDL_HOST_DEVICE Now<C> now(double rate, int64_t steps) const {
        const C bound = C(1) / math::sqrt(C(double(steps) + 1.0)), k = kept<C>(steps);
        return {
            k,   C(1) - k, C(tiny), math::min_of(C(rate), bound), math::min_of(relative ? math::min_of(C(rate), bound) : C(rate), bound),
            C(0)};
    }
    template <class C> GPUDL_HOST_DEVICE Move<C> settle(const Now<C>& n, rows::Two<C> squares, int64_t size) const {
        const C mean = math::sqrt(squares.a / C(size)), root = math::sqrt(squares.b / C(size));
        return {math::max_of(C(1), root / C(clip)), math::max_of(C(least), mean) * n.e};
    }
};

struct AdafactorWhole : Adafactor {
    static constexpr int slots = 1;  // mean of squares
    static constexpr bool reads_slots = true;
    template <class C> GPUDL_HOST_DEVICE C moved(const Now<C>& n, int64_t, C (&s)[2], C g) const {
        s[1] = s[1] * n.a + (g * g + n.c) * n.b;
        return g / math::sqrt(s[1]);
    }
};

// The mean of squares of a matrix is r c / mean(r), r and c the means of its rows and columns.
struct AdafactorFactored : Adafactor {
    static constexpr int slots = 1;
    static constexpr bool reads_slots = false;
    const char *r, *c;
    const double* means;  // of r, for every matrix
    char dtype;
    int64_t rows, columns;
    Divisor by_rows, by_columns;
    template <class C> GPUDL_HOST_DEVICE C moved(const Now<C>&, int64_t i, C (&s)[2], C g) const {
        const int64_t line = by_columns.divide(i), column = i - line * columns, matrix = by_rows.divide(line);
        s[1] = reduction::read<C>(r, dtype, line) / C(means[matrix]) * reduction::read<C>(c, dtype, matrix * columns + column);
        return g / math::sqrt(s[1]);
    }
};

// average = kept average + (1 - kept) mean(g^2 + tiny)
template <class Value> struct SquareMean : reduction::Over<Value> {
    using C = Value;
    GPUDL_PARTS_ARE_RESULTS(C)
    Adafactor rule;
    averaging::Counter steps;
    int64_t count;
    GPUDL_HOST_DEVICE C empty() const { return C(0); }
    template <class I> GPUDL_HOST_DEVICE C take(C a, const I& item, reduction::Nothing, int64_t) const {
        return a + (item.v[0] * item.v[0] + C(rule.tiny));
    }
    GPUDL_HOST_DEVICE C join(C a, C b) const { return a + b; }
    GPUDL_HOST_DEVICE void finish(C a, int64_t out, reduction::Nothing) const {
        const C kept = rule.template kept<C>(steps.get());
        this->put(out, reduction::read<C>(this->y, this->y_dtype, out) * kept + a / C(count) * (C(1) - kept));
    }
};

}  // namespace layerwise
}  // namespace gpudl
