// Moves parameters in one pass over flat memory: each number is read once, changed with its slots by its gradient, and written once.
#include <gpudl/optimizers.h>

#include "buffers.h"
#include "elementwise.h"
#include "threads.h"

namespace gpudl {
namespace {

using namespace optimizers;

template <class C, class Rule, class Now>
void step_range(C* const (&s)[1 + Rule::slots], const C* g, int64_t n, const Now& now, const Rule& rule) {
    constexpr int arrays = 1 + Rule::slots;
    C* to[arrays];
    for (int k = 0; k < arrays; k++) to[k] = s[k];
    const Now numbers = now;
    const Rule own = rule;
#pragma GCC ivdep
    for (int64_t i = 0; i < n; i++) {
        C here[arrays];
        for (int k = 0; k < arrays; k++) here[k] = to[k][i];
        own.step(numbers, here, g ? g[i] : C(0));
        for (int k = 0; k < arrays; k++) to[k][i] = here[k];
    }
}

// 16-bit floats go through buffers of floats.
template <class Rule, class Now>
void step_half(const TensorView* outs, const TensorView* g, int64_t begin, int64_t end, const Now& now, const Rule& rule) {
    constexpr int64_t block = 512;
    constexpr int arrays = 1 + Rule::slots;
    float held[arrays + 1][block];
    float* s[arrays];
    for (int k = 0; k < arrays; k++) s[k] = held[k];
    const cpu::Copy load = cpu::loading(outs[0].dtype), store = cpu::storing(outs[0].dtype);
    for (int64_t i = begin; i < end; i += block) {
        const int64_t n = end - i < block ? end - i : block;
        for (int k = 0; k < arrays; k++) load(held[k], outs[k].as<char>() + 2 * i, 2, n);
        if (g) load(held[arrays], g->as<char>() + 2 * i, 2, n);
        step_range<float, Rule>(s, g ? held[arrays] : nullptr, n, now, rule);
        for (int k = 0; k < arrays; k++) store(outs[k].as<char>() + 2 * i, reinterpret_cast<const char*>(held[k]), 2, n);
    }
}

// outs: the parameter and the slots. ins: the gradient (if `with_gradient`), the rate, the steps done, the product of momenta.
// Or of the last ones the `factor` for the gradient.
template <class Rule> void move(const TensorView* outs, const TensorView* ins, const Rule& rule, int n_ins, bool with_gradient = true,
                                const TensorView* factor = nullptr) {
    constexpr int arrays = 1 + Rule::slots;
    const TensorView* from = ins + (with_gradient ? 1 : 0);
    const int rest = n_ins - (with_gradient ? 1 : 0);
    const Buffers buffers = {*from[0].as<double>(), rest > 2 ? *from[2].as<double>() : 1.0, rest > 1 ? *from[1].as<int64_t>() : 0,
                             !factor                ? 1.0
                             : factor->dtype == 'd' ? *factor->as<double>()
                                                    : double(*factor->as<float>())};
    const auto run = [&](auto zero, int64_t begin, int64_t end) {
        using C = decltype(zero);
        const auto now = rule.template now<C>(buffers);
        C* s[arrays];
        for (int k = 0; k < arrays; k++) s[k] = outs[k].as<C>() + begin;
        step_range<C, Rule>(s, with_gradient ? ins[0].as<C>() + begin : nullptr, end - begin, now, rule);
    };
    cpu::in_ranges(outs[0].size(), cpu::worth_sharing / 2, 64, [&](int64_t begin, int64_t end) {
        if (outs[0].dtype == 'd') run(0.0, begin, end);
        else if (outs[0].dtype == 'f') run(0.0f, begin, end);
        else step_half(outs, with_gradient ? ins : nullptr, begin, end, rule.template now<float>(buffers), rule);
    });
}

// The last of `n_ins` is the factor; the last two attributes are the limit and the decay.
template <class Rule> void move_fused(const TensorView* outs, const TensorView* ins, const Rule& rule, const Scalar* last, int n_ins) {
    move(outs, ins, Fused<Rule>{rule, last[0].real, last[1].real}, n_ins - 1, true, ins + n_ins - 1);
}

template <int slots, int n_ins> bool alike(const TensorView* outs, const TensorView* ins, const Scalar*) {
    for (int k = 1; k <= slots; k++) {
        if (!same_shape(outs[0], outs[k])) return false;
    }
    for (int k = 1; k < n_ins; k++) {
        if (ins[k].size() != 1) return false;  // one number for all
    }
    return same_shape(outs[0], ins[0]);
}

bool one_rate(const TensorView*, const TensorView* ins, const Scalar*) { return ins[0].size() == 1; }

template <bool momentum, bool centered> RmsProp<momentum, centered> rms(const Scalar* attrs) {
    return {attrs[0].real, momentum ? attrs[1].real : 0.0, attrs[momentum ? 2 : 1].real};
}

}  // namespace

GPUDL_KERNEL_WHEN(sgd_, "f <- f d | d <- d d | e <- e d | E <- E d", (alike<0, 2>)) { move(outs, ins, Sgd{}, 2); }

GPUDL_KERNEL_WHEN(sgd_momentum_, "ff <- f d ; r i | dd <- d d ; r i | ee <- e d ; r i | EE <- E d ; r i", (alike<1, 2>)) {
    move(outs, ins, SgdMomentum{attrs[0].real, attrs[1].integer != 0}, 2);
}

GPUDL_KERNEL_WHEN(adam_, "fff <- f d l ; r r r | ddd <- d d l ; r r r | eee <- e d l ; r r r | EEE <- E d l ; r r r", (alike<2, 3>)) {
    move(outs, ins, Adam{attrs[0].real, attrs[1].real, attrs[2].real}, 3);
}

GPUDL_KERNEL_WHEN(adam_amsgrad_, "ffff <- f d l ; r r r | dddd <- d d l ; r r r | eeee <- e d l ; r r r | EEEE <- E d l ; r r r",
                  (alike<3, 3>)) {
    move(outs, ins, AdamAmsgrad{{attrs[0].real, attrs[1].real, attrs[2].real}}, 3);
}

GPUDL_KERNEL_WHEN(adadelta_, "fff <- f d ; r r | ddd <- d d ; r r | eee <- e d ; r r | EEE <- E d ; r r", (alike<2, 2>)) {
    move(outs, ins, Adadelta{attrs[0].real, attrs[1].real}, 2);
}

GPUDL_KERNEL_WHEN(rmsprop_, "ff <- f d ; r r | dd <- d d ; r r | ee <- e d ; r r | EE <- E d ; r r", (alike<1, 2>)) {
    move(outs, ins, rms<false, false>(attrs), 2);
}

GPUDL_KERNEL_WHEN(rmsprop_momentum_, "fff <- f d ; r r r | ddd <- d d ; r r r | eee <- e d ; r r r | EEE <- E d ; r r r", (alike<2, 2>)) {
    move(outs, ins, rms<true, false>(attrs), 2);
}

GPUDL_KERNEL_WHEN(rmsprop_centered_, "fff <- f d ; r r | ddd <- d d ; r r | eee <- e d ; r r | EEE <- E d ; r r", (alike<2, 2>)) {
    move(outs, ins, rms<false, true>(attrs), 2);
}

GPUDL_KERNEL_WHEN(rmsprop_centered_momentum_, "ffff <- f d ; r r r | dddd <- d d ; r r r | eeee <- e d ; r r r | EEEE <- E d ; r r r",
                  (alike<3, 2>)) {
    move(outs, ins, rms<true, true>(attrs), 2);
}

GPUDL_KERNEL_WHEN(adagrad_, "ff <- f d ; r | dd <- d d ; r | ee <- e d ; r | EE <- E d ; r", (alike<1, 2>)) {
    move(outs, ins, Adagrad{attrs[0].real}, 2);
}

GPUDL_KERNEL_WHEN(adamax_, "fff <- f d l ; r r r | ddd <- d d l ; r r r | eee <- e d l ; r r r | EEE <- E d l ; r r r", (alike<2, 3>)) {
    move(outs, ins, Adamax{attrs[0].real, attrs[1].real, attrs[2].real}, 3);
}

GPUDL_KERNEL_WHEN(nadam_, "fff <- f d l d ; r r r | ddd <- d d l d ; r r r | eee <- e d l d ; r r r | EEE <- E d l d ; r r r",
                  (alike<2, 4>)) {
    move(outs, ins, Nadam{attrs[0].real, attrs[1].real, attrs[2].real}, 4);
}

GPUDL_KERNEL_WHEN(lion_, "ff <- f d ; r r | dd <- d d ; r r | ee <- e d ; r r | EE <- E d ; r r", (alike<1, 2>)) {
    move(outs, ins, Lion{attrs[0].real, attrs[1].real}, 2);
}

GPUDL_KERNEL_WHEN(decay_, "f <- d ; r | d <- d ; r | e <- d ; r | E <- d ; r", one_rate) {
    move(outs, ins, Decay{attrs[0].real}, 1, false);
}

// Decay, a factor and a limit first. attrs: those of the rule, the limit, the decay.
GPUDL_KERNEL_WHEN(sgd_fused_, "f <- f d f ; r r | d <- d d d ; r r | e <- e d f ; r r | E <- E d f ; r r", (alike<0, 3>)) {
    move_fused(outs, ins, Sgd{}, attrs, 3);
}

GPUDL_KERNEL_WHEN(sgd_momentum_fused_, "ff <- f d f ; r i r r | dd <- d d d ; r i r r | ee <- e d f ; r i r r | EE <- E d f ; r i r r",
                  (alike<1, 3>)) {
    move_fused(outs, ins, (SgdMomentum{attrs[0].real, attrs[1].integer != 0}), attrs + 2, 3);
}

GPUDL_KERNEL_WHEN(adam_fused_,
                  "fff <- f d l f ; r r r r r | ddd <- d d l d ; r r r r r | eee <- e d l f ; r r r r r | EEE <- E d l f ; r r r r r",
                  (alike<2, 4>)) {
    move_fused(outs, ins, (Adam{attrs[0].real, attrs[1].real, attrs[2].real}), attrs + 3, 4);
}

GPUDL_KERNEL_WHEN(adam_amsgrad_fused_,
                  "ffff <- f d l f ; r r r r r | dddd <- d d l d ; r r r r r | eeee <- e d l f ; r r r r r | EEEE <- E d l f ; r r r r r",
                  (alike<3, 4>)) {
    move_fused(outs, ins, (AdamAmsgrad{{attrs[0].real, attrs[1].real, attrs[2].real}}), attrs + 3, 4);
}

}  // namespace gpudl
