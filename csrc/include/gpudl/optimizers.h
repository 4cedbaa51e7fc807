// Defines the optimizers' updates, element by element, once for the C++ and the CUDA kernels; in the order of operations of gpudl/ops/optim.py
// and adaptive.py, whose bits they give where the compiler does not contract to fused multiply-adds.
//
// A rule has `slots`, the arrays that are read and written beside the parameter; `now<C>(buffers)`, the numbers of this step, made once from
// the learning rate, the steps done and the like in float64; and `step(now, s, g)`, which moves s[0], the parameter, and its slots by the
// gradient g. C is float or double.
#pragma once
#include <gpudl/math.h>

namespace gpudl {
namespace optimizers {

// What varies per step, read from its buffers.
struct Buffers {
    double rate, product;
    int64_t steps;
    double factor = 1.0;  // of the gradient, for Fused
};

template <class C> struct Numbers {  // a, b, c, d: the numbers of a step, by the meaning that each rule gives them
    C a, b, c, d;
};

// average += (1 - beta) (x - average)
template <class C> GPUDL_HOST_DEVICE inline void approach(C& average, C x, C one_minus_beta) { average += (x - average) * one_minus_beta; }

// average = rho average + (1 - rho) x^2
template <class C> GPUDL_HOST_DEVICE inline void average_square(C& average, C x, C rho, C one_minus_rho) {
    average = average * rho + x * x * one_minus_rho;
}

struct Sgd {
    static constexpr int slots = 0;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(0), C(0), C(0)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[1], C g) const { s[0] -= g * n.a; }
};

struct SgdMomentum {
    static constexpr int slots = 1;
    double momentum;
    bool nesterov;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(momentum), C(0), C(0)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[2], C g) const {
        const C change = g * n.a;
        s[1] = s[1] * n.b - change;
        s[0] += nesterov ? s[1] * n.b - change : s[1];
    }
};

struct Adam {
    static constexpr int slots = 2;  // mean, mean of squares
    double beta_1, beta_2, epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const {
        const double t = double(b.steps) + 1.0;
        const double rate = b.rate * math::sqrt(1.0 - math::pow(beta_2, t)) / (1.0 - math::pow(beta_1, t));
        return {C(rate), C(1.0 - beta_1), C(1.0 - beta_2), C(epsilon)};
    }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[3], C g) const {
        approach(s[1], g, n.b);
        approach(s[2], g * g, n.c);
        s[0] -= s[1] * n.a / (math::sqrt(s[2]) + n.d);
    }
};

struct AdamAmsgrad {
    static constexpr int slots = 3;  // mean, mean of squares, the highest of those
    Adam adam;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return adam.now<C>(b); }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[4], C g) const {
        approach(s[1], g, n.b);
        approach(s[2], g * g, n.c);
        s[3] = math::max_of(s[3], s[2]);
        s[0] -= s[1] * n.a / (math::sqrt(s[3]) + n.d);
    }
};

struct Adadelta {
    static constexpr int slots = 2;  // mean squares of gradients, of moves
    double rho, epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(rho), C(1.0 - rho), C(epsilon)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[3], C g) const {
        average_square(s[1], g, n.b, n.c);
        const C move = math::sqrt(s[2] + n.d) * g / math::sqrt(s[1] + n.d);
        average_square(s[2], move, n.b, n.c);
        s[0] -= move * n.a;
    }
};

// Slots: the mean of squares, then the momentum and the mean where there are such.
template <bool momentum, bool centered> struct RmsProp {
    static constexpr int slots = 1 + momentum + centered;
    double rho, by, epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(rho), C(1.0 - rho), C(epsilon)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[1 + slots], C g) const {
        average_square(s[1], g, n.b, n.c);
        C below = s[1];
        if constexpr (centered) {
            C& mean = s[slots];
            mean = mean * n.b + g * n.c;
            below -= mean * mean;
        }
        C change = g * n.a / math::sqrt(below + n.d);
        if constexpr (momentum) change = s[2] = s[2] * C(by) + change;
        s[0] -= change;
    }
};

struct Adagrad {
    static constexpr int slots = 1;  // the sum of squares
    double epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(epsilon), C(0), C(0)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[2], C g) const {
        s[1] += g * g;
        s[0] -= g * n.a / math::sqrt(s[1] + n.b);
    }
};

struct Adamax {
    static constexpr int slots = 2;  // mean, largest
    double beta_1, beta_2, epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const {
        const double rate = b.rate / (1.0 - math::pow(beta_1, double(b.steps) + 1.0));
        return {C(rate), C(1.0 - beta_1), C(beta_2), C(epsilon)};
    }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[3], C g) const {
        approach(s[1], g, n.b);
        s[2] = math::max_of(s[2] * n.c, math::fabs(g));
        s[0] -= s[1] * n.a / (s[2] + n.d);
    }
};

// beta (1 - 0.96^t / 2): the momentum of step t.
GPUDL_HOST_DEVICE inline double nadam_momentum(double beta, double t) { return beta * (1.0 - 0.5 * math::pow(0.96, t)); }

struct Nadam {
    static constexpr int slots = 2;  // mean, mean of squares
    double beta_1, beta_2, epsilon;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const {
        const double t = double(b.steps), one = nadam_momentum(beta_1, t + 1.0), two = nadam_momentum(beta_1, t + 2.0);
        return {C(b.rate * two / (1.0 - b.product * two)), C(b.rate * (1.0 - one) / (1.0 - b.product)),
                C(1.0 / (1.0 - math::pow(beta_2, t + 1.0))), C(epsilon)};
    }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[3], C g) const {
        approach(s[1], g, C(1.0 - beta_1));
        approach(s[2], g * g, C(1.0 - beta_2));
        s[0] -= (s[1] * n.a + g * n.b) / (math::sqrt(s[2] * n.c) + n.d);
    }
};

struct Lion {
    static constexpr int slots = 1;  // mean
    double beta_1, beta_2;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(0), C(0), C(0)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[2], C g) const {
        const C ahead = s[1] * C(beta_1) + g * C(1.0 - beta_1);
        const C sign = ahead > C(0) ? C(1) : ahead < C(0) ? C(-1) : ahead;  // NaN stays
        s[0] -= sign * n.a;
        s[1] = s[1] * C(beta_2) + g * C(1.0 - beta_2);
    }
};

struct Ftrl {
    static constexpr int slots = 2;  // sum of squares, z
    double power, l1, l2, shrinkage, beta;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const {
        return {C(b.rate), C(2.0 * (l2 + beta / (2.0 * b.rate))), C(l1), C(-power)};
    }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[3], C g) const {
        const C more = s[1] + g * g, raised = math::pow(more, n.d);
        s[2] += g + s[0] * C(2.0 * shrinkage) - (raised - math::pow(s[1], n.d)) / n.a * s[0];
        const C clipped = math::min_of(math::max_of(s[2], -n.c), n.c);
        s[0] = (clipped - s[2]) / (raised / n.a + n.b);
        s[1] = more;
    }
};

struct Decay {
    static constexpr int slots = 0;
    double decay;
    template <class C> GPUDL_HOST_DEVICE Numbers<C> now(const Buffers& b) const { return {C(b.rate), C(decay), C(0), C(0)}; }
    template <class C> GPUDL_HOST_DEVICE void step(const Numbers<C>& n, C (&s)[1], C) const { s[0] -= s[0] * n.b * n.a; }
};

// What an optimizer's options ask for before a rule: decay of the parameter, a factor and a limit for the gradient.
template <class Rule> struct Fused {
    static constexpr int slots = Rule::slots;
    Rule rule;
    double most, decay;

    template <class C> struct Now {
        Numbers<C> numbers;
        C rate, factor, most, decay;
    };
    template <class C> GPUDL_HOST_DEVICE Now<C> now(const Buffers& b) const {
        return {rule.template now<C>(b), C(b.rate), C(b.factor), C(most), C(decay)};
    }
    template <class C> GPUDL_HOST_DEVICE void step(const Now<C>& n, C (&s)[1 + slots], C g) const {
        s[0] = n.decay != C(0) ? s[0] - s[0] * n.decay * n.rate : s[0];  // inf and -0.0 stay without decay
        rule.step(n.numbers, s, math::min_of(math::max_of(g * n.factor, -n.most), n.most));
    }
};

}  // namespace optimizers
}  // namespace gpudl
