// Runs recurrent nets over whole sequences: simple_rnn, lstm, gru. N sequences, T steps, U units, G gates a unit.
//
// A launch a step. A block takes 32 sequences and 32 units; a thread one unit of 4 sequences: it adds up the G products of the state with the
// recurrent weights, 16 numbers of the state at a time through shared memory, 128 numbers a part of the sum, then does the cell's arithmetic.
// States lie in scratch memory, in float32 for 16-bit sequences, which so are rounded once; more sequences than fit come one part after
// another. bytes moved per element: z, y and what is kept, once; the weights once a step and 32 sequences, mostly from the L2 cache.
// expected bound: the latency of T launches for small nets, multiply-adds for large ones.
#include "recurrent.cuh"

namespace gpudl {
namespace {

using namespace recurrent;

constexpr int slice = 16, chunk = 8;  // chunk: slices of a part

// Sequences first … first + count - 1; `t` is the step. C is the type of states.
template <class T, class C> struct Sequences {
    int64_t first, count, steps, units, t;
    T *y, *extra, *values;
    const T *z, *kernel, *bias;
    const C* before;  // (count, U), and what the step makes of it
    C *after, *cells;

    // Of unit u of sequence n.
    __device__ int64_t place(int64_t n, int64_t u) const { return ((first + n) * steps + t) * units + u; }
    __device__ int64_t place(int64_t n, int gates, int gate, int64_t u) const {
        return ((first + n) * steps + t) * (gates * units) + gate * units + u;
    }
};

template <class T, class Cell> __global__ void __launch_bounds__(threads, 1)
    step_kernel(const __grid_constant__ Sequences<T, decltype(wide(T{}))> p) {
    using C = decltype(wide(T{}));
    constexpr int gates = Cell::gates;
    GPUDL_SHARED_ARRAY(C, state, [rows][slice]);
    GPUDL_SHARED_ARRAY(C, weights, [gates][slice][columns]);
    const int lane = int(threadIdx.x) % columns, top = int(threadIdx.x) / columns * each;
    const int64_t u = int64_t(blockIdx.x) * columns + lane, row = int64_t(blockIdx.y) * rows;
    C sum[each][gates] = {}, part[each][gates] = {};
    int taken = 0;
    for (int64_t k = 0; k < p.units; k += slice) {
        for (int i = int(threadIdx.x); i < rows * slice; i += threads) {
            const int64_t n = row + i / slice, at = k + i % slice;
            state[i / slice][i % slice] = n < p.count && at < p.units ? p.before[n * p.units + at] : C(0);
        }
        for (int i = int(threadIdx.x) / columns; i < gates * slice; i += threads / columns) {
            const int64_t at = k + i % slice;
            const bool there = at < p.units && u < p.units;
            weights[i / slice][i % slice][lane] = there ? C(wide(p.kernel[(at * gates + i / slice) * p.units + u])) : C(0);
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < slice; i++) {
#pragma unroll
            for (int r = 0; r < each; r++) {
                const C h = state[top + r][i];
#pragma unroll
                for (int gate = 0; gate < gates; gate++) part[r][gate] += h * weights[gate][i][lane];
            }
        }
        if (++taken == chunk || k + slice >= p.units) {
            taken = 0;
#pragma unroll
            for (int r = 0; r < each; r++) {
#pragma unroll
                for (int gate = 0; gate < gates; gate++) {
                    sum[r][gate] += part[r][gate];
                    part[r][gate] = C(0);
                }
            }
        }
        __syncthreads();
    }
    if (u >= p.units) return;
    C bias[gates] = {};
    if constexpr (Cell::biased) {
#pragma unroll
        for (int gate = 0; gate < gates; gate++) bias[gate] = wide(p.bias[gate * p.units + u]);
    }
#pragma unroll
    for (int r = 0; r < each; r++) {
        const int64_t n = row + top + r;
        if (n >= p.count) continue;
        C z[gates], kept = C(0), h = p.before[n * p.units + u], c = p.cells ? p.cells[n * p.units + u] : C(0);
#pragma unroll
        for (int gate = 0; gate < gates; gate++) z[gate] = wide(p.z[p.place(n, gates, gate, u)]);
        Cell::step(sum[r], z, bias, h, c, kept);
        p.after[n * p.units + u] = h;
        if (p.cells) p.cells[n * p.units + u] = c;
        p.y[p.place(n, u)] = narrow<T>(h);
        if constexpr (Cell::extra) {
            p.extra[p.place(n, u)] = narrow<T>(kept);
#pragma unroll
            for (int gate = 0; gate < gates; gate++) p.values[p.place(n, gates, gate, u)] = narrow<T>(sum[r][gate]);
        }
    }
}

// outs: y, and what is kept for the gradient. ins: z, the weights, the bias where there is one, the first state(s).
template <class Cell> void launch_steps(const Operands& o, Stream stream) {
    for_float_dtype(o.outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = decltype(wide(T{}));
        constexpr bool cells = std::is_same<Cell, Lstm>::value;
        const TensorView &z = o.ins[0], &kernel = o.ins[1], &h = o.ins[Cell::biased ? 3 : 2];
        Sequences<T, C> p = {};
        p.steps = z.shape[1];
        p.units = kernel.shape[0];
        p.y = o.outs[0].as<T>();
        if constexpr (Cell::extra) {
            p.extra = o.outs[1].as<T>();
            p.values = o.outs[2].as<T>();
        }
        p.z = z.as<const T>();
        p.kernel = kernel.as<const T>();
        p.bias = Cell::biased ? o.ins[2].as<const T>() : nullptr;
        const int64_t at_once = sequences_at_once((cells ? 3 : 2) * p.units, sizeof(C));
        for (p.first = 0; p.first < z.shape[0]; p.first += at_once) {
            p.count = z.shape[0] - p.first < at_once ? z.shape[0] - p.first : at_once;
            const int64_t size = p.count * p.units, from = p.first * p.units;
            const Launch flat{blocks_for(size, threads), threads, 0, stream};
            C* states[2] = {static_cast<C*>(scratch().data), static_cast<C*>(scratch().data) + size};
            launch<first_state_kernel<T, C>>(flat, states[0], h.as<const T>() + from, size);
            if (cells) {
                p.cells = states[1] + size;
                launch<first_state_kernel<T, C>>(flat, p.cells, o.ins[3].as<const T>() + from, size);
            }
            for (p.t = 0; p.t < p.steps; p.t++) {
                p.before = states[p.t % 2];
                p.after = states[1 - p.t % 2];
                launch<step_kernel<T, Cell>>({tiles_of(p.count, p.units), threads, 0, stream}, p);
            }
        }
    });
}

template <class Cell> void run(const char* name, const TensorView* outs, const TensorView* ins, Stream stream) {
    static constexpr Candidate<Operands> candidates[] = {{"steps", Tier::simple, nullptr, launch_steps<Cell>}};
    if (outs[0].size() > 0) dispatch(name, candidates, Operands{outs, ins, false}, stream);
}

template <class Cell> bool fits(const TensorView* outs, const TensorView* ins, const Scalar*) {
    const TensorView &z = ins[0], &kernel = ins[1];
    if (z.ndim != 3 || kernel.ndim != 2) return false;
    const int64_t n = z.shape[0], t = z.shape[1], u = kernel.shape[0], all = Cell::gates * u;
    bool fit =
        is_shape(z, n, t, all) && is_shape(kernel, u, all) && is_shape(outs[0], n, t, u) && is_shape(ins[Cell::biased ? 3 : 2], n, u);
    if (Cell::biased) fit = fit && ins[2].size() == all;
    else if (Cell::extra) fit = fit && is_shape(ins[3], n, u);
    if (Cell::extra) fit = fit && is_shape(outs[1], n, t, u) && is_shape(outs[2], n, t, all);
    return fit && sequences_at_once(3 * u, itemsize(z.dtype) == 8 ? 8 : 4) > 0;
}

}  // namespace

GPUDL_KERNEL_WHEN(simple_rnn, "f <- f f f | d <- d d d | e <- e e e | E <- E E E", fits<SimpleRnn>) {
    run<SimpleRnn>("simple_rnn", outs, ins, stream);
}

GPUDL_KERNEL_WHEN(lstm, "fff <- ffff | ddd <- dddd | eee <- eeee | EEE <- EEEE", fits<Lstm>) { run<Lstm>("lstm", outs, ins, stream); }

GPUDL_KERNEL_WHEN(gru, "fff <- ffff | ddd <- dddd | eee <- eeee | EEE <- EEEE", fits<Gru>) { run<Gru>("gru", outs, ins, stream); }

}  // namespace gpudl
