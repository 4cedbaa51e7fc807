// Drops elements at random, by the Philox words of the state and the element's place: the same mask on every path, whatever the threads.
// Eight lanes of a block of words decide on eight elements; sixteen blocks are made at a time, as vectors.
#include <cmath>

#include <gpudl/kernel.h>
#include <gpudl/philox.h>

#include "buffers.h"
#include "threads.h"

namespace gpudl {
namespace {

using namespace cpu;
using philox::State;

constexpr int blocks = 16, batch = 8 * blocks;  // elements whose lanes are made together

// The 16-bit lanes of blocks first … first + 15, in order.
void lanes_of(const State& state, uint64_t first, uint16_t* lanes) {
    uint32_t c0[blocks], c1[blocks], c2[blocks], c3[blocks], k0 = state.seed_low, k1 = state.seed_high;
    for (int b = 0; b < blocks; b++) {
        c0[b] = uint32_t(first + uint64_t(b));
        c1[b] = uint32_t((first + uint64_t(b)) >> 32);
        c2[b] = state.stream;
        c3[b] = state.draw;
    }
    for (int round = 0; round < 10; round++) {
        for (int b = 0; b < blocks; b++) {
            const uint64_t a = uint64_t(0xD2511F53u) * c0[b], d = uint64_t(0xCD9E8D57u) * c2[b];
            c0[b] = uint32_t(d >> 32) ^ c1[b] ^ k0;
            c2[b] = uint32_t(a >> 32) ^ c3[b] ^ k1;
            c1[b] = uint32_t(d);
            c3[b] = uint32_t(a);
        }
        k0 += 0x9E3779B9u;
        k1 += 0xBB67AE85u;
    }
    for (int b = 0; b < blocks; b++) {
        const uint32_t words[4] = {c0[b], c1[b], c2[b], c3[b]};
        for (int i = 0; i < 8; i++) lanes[8 * b + i] = uint16_t(words[i >> 1] >> (16 * (i & 1)));
    }
}

template <class T> void drop_range(T* y, const T* x, const State& state, int64_t begin, int64_t end, uint32_t least, double by) {
    using C = decltype(wide(T{}));
    const C scale = C(by);
    for (int64_t i = begin; i < end; i += batch) {
        uint16_t lanes[batch];
        lanes_of(state, uint64_t(i) / 8, lanes);
        const int64_t n = end - i < batch ? end - i : batch;
        T* to = y + i;
        const T* from = x + i;
        for (int64_t j = 0; j < n; j++) {
            const C kept = wide(from[j]) * scale;
            to[j] = narrow<T>(lanes[j] >= least ? kept : C(0));
        }
    }
}

// attrs: the rate, then the shape of the mask, or nothing where it is that of x.
bool whole_mask(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    int64_t mask = 1;
    const int given = count_attrs(attrs) - 1;
    for (int d = 0; d < given; d++) mask *= attrs[1 + d].integer;
    return (given == 0 || mask == outs[0].size()) && same_shape(outs[0], ins[0]);
}

void drop(const TensorView& y, const TensorView& x, const TensorView& state_view, const Scalar* attrs) {
    const uint32_t* words = state_view.as<uint32_t>();
    const State state = {words[0], words[1], words[2], words[3]};
    const double rate = attrs[0].real;
    const uint32_t least = uint32_t(std::llrint(rate * 65536));
    in_ranges(y.size(), worth_sharing / 4, batch, [&](int64_t begin, int64_t end) {
        for_float_dtype(y.dtype, [&](auto zero) {
            using T = decltype(zero);
            drop_range<T>(y.as<T>(), x.as<T>(), state, begin, end, least, 1 / (1 - rate));
        });
    });
}

}  // namespace

GPUDL_KERNEL_WHEN(dropout, "f I <- f I ; r i* | d I <- d I ; r i* | e I <- e I ; r i* | E I <- E I ; r i*", whole_mask) {
    for (int i = 0; i < 4; i++) outs[1].as<uint32_t>()[i] = ins[1].as<uint32_t>()[i];
    drop(outs[0], ins[0], ins[1], attrs);
}

GPUDL_KERNEL_WHEN(dropout_grad, "f <- f I ; r i* | d <- d I ; r i* | e <- e I ; r i* | E <- E I ; r i*", whole_mask) {
    drop(outs[0], ins[0], ins[1], attrs);
}

GPUDL_KERNEL(advance_draw_, "I <- ; i") { outs[0].as<uint32_t>()[3] += uint32_t(attrs[0].integer); }

}  // namespace gpudl
