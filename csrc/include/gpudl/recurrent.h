// Defines the cells of recurrent nets, one unit of one sequence at one time step, once for the C++ and the CUDA kernels:
// gpudl/ops/recurrent.py.
//
// A cell has `gates`, how many numbers a unit takes from the products; `extra`, whether it keeps one more number per step for its gradient;
// `step(s, z, bias, h, c, extra)`: s comes as the recurrent product and leaves as the gates' values, h and the cell's state c move on; and
// `back(d, p, e)`, the gradient: d gets that of z, p that of the recurrent product, e.carry goes to the step before.
#pragma once
#include <gpudl/math.h>

namespace gpudl {
namespace recurrent {

// What a step's gradient needs: of its outputs, what it kept, and what it came from. `carry`: what reaches it from the step behind, beside
// that through the recurrent product, which is in dh already.
template <class C, int gates> struct Back {
    C dh, dc, carry;
    C value[gates], y, extra, before, extra_before;
};

struct SimpleRnn {
    static constexpr int gates = 1;
    static constexpr bool extra = false, carries = false, biased = false;
    template <class C> GPUDL_HOST_DEVICE static void step(C (&s)[1], const C (&z)[1], const C (&)[1], C& h, C&, C&) {
        h = s[0] = math::tanh(s[0] + z[0]);
    }
    template <class C> GPUDL_HOST_DEVICE static void back(C (&d)[1], C (&p)[1], Back<C, 1>& e) { p[0] = d[0] = (C(1) - e.y * e.y) * e.dh; }
};

// Gates input, forget, candidate, output; keeps c.
struct Lstm {
    static constexpr int gates = 4;
    static constexpr bool extra = true, carries = true, biased = false;
    template <class C> GPUDL_HOST_DEVICE static void step(C (&s)[4], const C (&z)[4], const C (&)[4], C& h, C& c, C& kept) {
        for (int k = 0; k < 4; k++) s[k] = k == 2 ? math::tanh(s[k] + z[k]) : math::sigmoid(s[k] + z[k]);
        kept = c = s[2] * s[0] + c * s[1];
        h = math::tanh(c) * s[3];
    }
    template <class C> GPUDL_HOST_DEVICE static void back(C (&d)[4], C (&p)[4], Back<C, 4>& e) {
        const C i = e.value[0], f = e.value[1], g = e.value[2], o = e.value[3], bent = math::tanh(e.extra);
        const C dc = e.carry + (C(1) - bent * bent) * o * e.dh + e.dc;
        d[0] = dc * g * ((C(1) - i) * i);
        d[1] = dc * e.extra_before * ((C(1) - f) * f);
        d[2] = dc * i * (C(1) - g * g);
        d[3] = e.dh * bent * ((C(1) - o) * o);
        e.carry = dc * f;
        for (int k = 0; k < 4; k++) p[k] = d[k];
    }
};

// Gates update, reset, candidate; the reset gate acts after the product, which is kept.
struct Gru {
    static constexpr int gates = 3;
    static constexpr bool extra = true, carries = true, biased = true;
    template <class C> GPUDL_HOST_DEVICE static void step(C (&s)[3], const C (&z)[3], const C (&bias)[3], C& h, C&, C& kept) {
        kept = s[2] + bias[2];
        s[0] = math::sigmoid(s[0] + bias[0] + z[0]);
        s[1] = math::sigmoid(s[1] + bias[1] + z[1]);
        s[2] = math::tanh(kept * s[1] + z[2]);
        h = (h - s[2]) * s[0] + s[2];
    }
    template <class C> GPUDL_HOST_DEVICE static void back(C (&d)[3], C (&p)[3], Back<C, 3>& e) {
        const C u = e.value[0], r = e.value[1], g = e.value[2], dh = e.carry + e.dh;
        d[0] = (e.before - g) * dh * ((C(1) - u) * u);
        d[2] = (C(1) - g * g) * dh * (C(1) - u);
        d[1] = d[2] * e.extra * ((C(1) - r) * r);
        e.carry = dh * u;
        p[0] = d[0];
        p[1] = d[1];
        p[2] = d[2] * r;
    }
};

}  // namespace recurrent
}  // namespace gpudl
