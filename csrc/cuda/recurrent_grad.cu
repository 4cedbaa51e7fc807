// Computes the gradients of simple_rnn, lstm and gru. N sequences, T steps, U units, G gates a unit.
//
// steps     a launch a step, from the last one on, tiled as recurrent.cu: the product of the gradient of the step behind with the weights
//           turned, 32 numbers a part of the sum, then the cell's arithmetic. One launch more finishes the first states' gradients. What goes
//           from step to step lies in scratch memory.
// weights   their gradient is one product over all steps: a block takes 64 x 64 of it, a thread 4 x 4; pieces of the sum over N T go through
//           scratch memory and are added in their order. The GRU's bias is one more row, of a state that is always 1.
// bytes moved per element: what the forward kept, once, and dz twice. expected bound: as forward.
#include "recurrent.cuh"

namespace gpudl {
namespace {

using namespace recurrent;

constexpr int slice = 16, chunk = 8;  // of the weights' gradient; chunk: slices of a part

// Backward. t: the step, -1 after the first one. `behind`: the gradient of the recurrent product of the step behind, (count, G U); null for the
// last one.
template <class T, class C> struct Gradients {
    int64_t first, count, steps, units, t;
    T *dz, *dh, *dc;
    const T *gy, *gc, *kernel, *h, *c, *y, *extra, *values;
    const C* behind;
    C *here, *carry;

    __device__ int64_t place(int64_t n, int64_t u, int64_t t) const { return ((first + n) * steps + t) * units + u; }
    __device__ int64_t place(int64_t n, int gates, int gate, int64_t u) const {
        return ((first + n) * steps + t) * (gates * units) + gate * units + u;
    }
};

template <class T, class Cell> __global__ void __launch_bounds__(threads, 1)
    step_grad_kernel(const __grid_constant__ Gradients<T, decltype(wide(T{}))> p) {
    using C = decltype(wide(T{}));
    constexpr int gates = Cell::gates, deep = 32;
    GPUDL_SHARED_ARRAY(C, behind, [rows][deep]);
    GPUDL_SHARED_ARRAY(C, weights, [deep][columns + 1]);
    const int lane = int(threadIdx.x) % columns, warp = int(threadIdx.x) / columns, top = warp * each;
    const int64_t u = int64_t(blockIdx.x) * columns + lane, row = int64_t(blockIdx.y) * rows, all = gates * p.units;
    C sum[each] = {};
    for (int64_t k = 0; p.behind && k < all; k += deep) {
        for (int i = warp; i < rows; i += threads / columns) {
            const int64_t n = row + i, at = k + lane, unit = int64_t(blockIdx.x) * columns + i;
            behind[i][lane] = n < p.count && at < all ? p.behind[n * all + at] : C(0);
            weights[lane][i] = unit < p.units && at < all ? C(wide(p.kernel[unit * all + at])) : C(0);
        }
        __syncthreads();
        C part[each] = {};
#pragma unroll
        for (int i = 0; i < deep; i++) {
#pragma unroll
            for (int r = 0; r < each; r++) part[r] += behind[top + r][i] * weights[i][lane];
        }
#pragma unroll
        for (int r = 0; r < each; r++) sum[r] += part[r];
        __syncthreads();
    }
    if (u >= p.units) return;
#pragma unroll
    for (int r = 0; r < each; r++) {
        const int64_t n = row + top + r;
        if (n >= p.count) continue;
        const int64_t own = n * p.units + u, given = (p.first + n) * p.units + u;
        if (p.t < 0) {
            const bool whole = std::is_same<Cell, Gru>::value;
            p.dh[given] = narrow<T>(whole ? sum[r] + p.carry[own] : sum[r]);
            if (p.dc) p.dc[given] = narrow<T>(p.carry[own]);
            continue;
        }
        Back<C, gates> e = {};
        const int64_t at = p.place(n, u, p.t);
        e.dh = sum[r] + C(wide(p.gy[at]));
        if (p.gc) e.dc = wide(p.gc[at]);
        e.y = wide(p.y[at]);
        e.before = p.t > 0 ? wide(p.y[p.place(n, u, p.t - 1)]) : wide(p.h[given]);
        if constexpr (Cell::carries) e.carry = p.carry[own];
        if constexpr (Cell::extra) {
            e.extra = wide(p.extra[at]);
            if (p.c) e.extra_before = p.t > 0 ? wide(p.extra[p.place(n, u, p.t - 1)]) : wide(p.c[given]);
#pragma unroll
            for (int gate = 0; gate < gates; gate++) e.value[gate] = wide(p.values[p.place(n, gates, gate, u)]);
        }
        C d[gates], past[gates];
        Cell::back(d, past, e);
        if constexpr (Cell::carries) p.carry[own] = e.carry;
#pragma unroll
        for (int gate = 0; gate < gates; gate++) {
            p.dz[p.place(n, gates, gate, u)] = narrow<T>(d[gate]);
            p.here[n * all + gate * p.units + u] = past[gate];
        }
    }
}

// The gradient of the weights (U, G U): over all sequences and steps the state before times dz, whose last third the GRU's reset gate scales.
template <class T, class C> struct Weights {
    T *dkernel, *dbias;
    const T *h, *y, *dz, *values;                     // values: null but for the GRU
    int64_t count, steps, units, all, height, piece;  // height: of the result, with the bias; piece: of N T
    C* partial;                                       // (splits, height, all), or null

    __device__ C left(int64_t i, int64_t u) const {
        if (u >= units) return u < height ? C(1) : C(0);
        const int64_t n = i / steps, t = i - n * steps;
        return t > 0 ? C(wide(y[(i - 1) * units + u])) : C(wide(h[n * units + u]));
    }
    __device__ C right(int64_t i, int64_t j) const {
        const C d = wide(dz[i * all + j]);
        return values && j >= 2 * units ? d * C(wide(values[i * all + j - units])) : d;
    }
    __device__ void put(int64_t u, int64_t j, C x) const {
        if (u < units) dkernel[u * all + j] = narrow<T>(x);
        else dbias[j] = narrow<T>(x);
    }
};

template <class T> __global__ void __launch_bounds__(threads, 1)
    weights_grad_kernel(const __grid_constant__ Weights<T, decltype(wide(T{}))> p) {
    using C = decltype(wide(T{}));
    constexpr int side = 64, pad = 4;
    GPUDL_SHARED_ARRAY(C, left, [slice][side + pad]);
    GPUDL_SHARED_ARRAY(C, right, [slice][side + pad]);
    const int x = int(threadIdx.x) % 16, y = int(threadIdx.x) / 16;
    const int64_t column = int64_t(blockIdx.x) * side, row = int64_t(blockIdx.y) * side;
    const int64_t begin = int64_t(blockIdx.z) * p.piece, end = min(begin + p.piece, p.count * p.steps);
    C sum[each][each] = {}, part[each][each] = {};
    int taken = 0;
    for (int64_t k = begin; k < end; k += slice) {
        for (int i = int(threadIdx.x); i < slice * side; i += threads) {
            const int64_t at = k + i / side, u = row + i % side, j = column + i % side;
            left[i / side][i % side] = at < end && u < p.height ? p.left(at, u) : C(0);
            right[i / side][i % side] = at < end && j < p.all ? p.right(at, j) : C(0);
        }
        __syncthreads();
#pragma unroll
        for (int i = 0; i < slice; i++) {
            C a[each], b[each];
#pragma unroll
            for (int r = 0; r < each; r++) {
                a[r] = left[i][y + 16 * r];
                b[r] = right[i][x + 16 * r];
            }
#pragma unroll
            for (int r = 0; r < each; r++) {
#pragma unroll
                for (int c = 0; c < each; c++) part[r][c] += a[r] * b[c];
            }
        }
        if (++taken == chunk || k + slice >= end) {
            taken = 0;
#pragma unroll
            for (int r = 0; r < each; r++) {
#pragma unroll
                for (int c = 0; c < each; c++) {
                    sum[r][c] += part[r][c];
                    part[r][c] = C(0);
                }
            }
        }
        __syncthreads();
    }
#pragma unroll
    for (int r = 0; r < each; r++) {
#pragma unroll
        for (int c = 0; c < each; c++) {
            const int64_t u = row + y + 16 * r, j = column + x + 16 * c;
            if (u >= p.height || j >= p.all) continue;
            if (p.partial) p.partial[(int64_t(blockIdx.z) * p.height + u) * p.all + j] = sum[r][c];
            else p.put(u, j, sum[r][c]);
        }
    }
}

template <class T> __global__ void __launch_bounds__(threads, 1)
    join_weights_kernel(const __grid_constant__ Weights<T, decltype(wide(T{}))> p, int64_t splits) {
    using C = decltype(wide(T{}));
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x, size = p.height * p.all;
    if (i >= size) return;
    C sum = C(0);
    for (int64_t split = 0; split < splits; split++) sum += p.partial[split * size + i];
    p.put(i / p.all, i % p.all, sum);
}

template <class T> void launch_weights_grad(Weights<T, decltype(wide(T{}))> p, Stream stream) {
    using C = decltype(wide(T{}));
    const int64_t terms = p.count * p.steps, size = p.height * p.all * int64_t(sizeof(C));
    const dim3 tiles(blocks_for(p.all, 64), blocks_for(p.height, 64));
    int64_t splits = (512 + int64_t(tiles.x) * tiles.y - 1) / (int64_t(tiles.x) * tiles.y);
    for (const int64_t most : {(terms + 255) / 256, scratch().bytes / size, int64_t(65535)}) splits = most < splits ? most : splits;
    if (splits < 1) splits = 1;
    p.piece = ((terms + splits - 1) / splits + slice - 1) / slice * slice;
    if (p.piece < slice) p.piece = slice;
    p.partial = splits > 1 ? static_cast<C*>(scratch().data) : nullptr;
    launch<weights_grad_kernel<T>>({dim3(tiles.x, tiles.y, unsigned(splits)), threads, 0, stream}, p);
    if (splits > 1) launch<join_weights_kernel<T>>({blocks_for(p.height * p.all, threads), threads, 0, stream}, p, splits);
}

// The operands of a cell's gradient, by name.
struct Named {
    const TensorView *dz, *dkernel, *dbias, *dh, *dc, *gy, *gc, *kernel, *h, *c, *y, *extra, *values;
};
template <class Cell> Named named(const Operands& o) {
    const TensorView *outs = o.outs, *ins = o.ins;
    if (std::is_same<Cell, Lstm>::value)
        return {outs,    outs + 1, nullptr, outs + 2, outs + 3, ins,    o.with_cells ? ins + 1 : nullptr,
                ins + 2, ins + 3,  ins + 4, ins + 5,  ins + 6,  ins + 7};
    if (std::is_same<Cell, Gru>::value)
        return {outs, outs + 1, outs + 2, outs + 3, nullptr, ins, nullptr, ins + 1, ins + 3, nullptr, ins + 4, ins + 5, ins + 6};
    return {outs, outs + 1, nullptr, outs + 2, nullptr, ins, nullptr, ins + 1, ins + 2, nullptr, ins + 3, nullptr, nullptr};
}

template <class T> T* data(const TensorView* x) { return x ? x->as<T>() : nullptr; }

template <class Cell> void launch_steps(const Operands& o, Stream stream) {
    const Named v = named<Cell>(o);
    for_float_dtype(v.dz->dtype, [&](auto zero) {
        using T = decltype(zero);
        using C = decltype(wide(T{}));
        Gradients<T, C> p = {};
        const int64_t sequences = v.y->shape[0];
        p.steps = v.y->shape[1];
        p.units = v.y->shape[2];
        p.dz = data<T>(v.dz);
        p.dh = data<T>(v.dh);
        p.dc = data<T>(v.dc);
        p.gy = data<const T>(v.gy);
        p.gc = data<const T>(v.gc);
        p.kernel = data<const T>(v.kernel);
        p.h = data<const T>(v.h);
        p.c = data<const T>(v.c);
        p.y = data<const T>(v.y);
        p.extra = data<const T>(v.extra);
        p.values = data<const T>(v.values);
        const int64_t all = Cell::gates * p.units, at_once = sequences_at_once(2 * all + p.units, sizeof(C));
        for (p.first = 0; p.first < sequences; p.first += at_once) {
            p.count = sequences - p.first < at_once ? sequences - p.first : at_once;
            const int64_t size = p.count * all;
            C* products[2] = {static_cast<C*>(scratch().data), static_cast<C*>(scratch().data) + size};
            p.carry = products[1] + size;
            if (Cell::carries)
                launch<first_state_kernel<T, C>>({blocks_for(p.count * p.units, threads), threads, 0, stream}, p.carry,
                                                 static_cast<const T*>(nullptr), p.count * p.units);
            for (p.t = p.steps - 1; p.t >= -1; p.t--) {
                p.behind = p.t == p.steps - 1 ? nullptr : products[(p.t + 1) % 2];
                p.here = products[(p.t + 2) % 2];
                launch<step_grad_kernel<T, Cell>>({tiles_of(p.count, p.units), threads, 0, stream}, p);
            }
        }
        launch_weights_grad<T>({data<T>(v.dkernel), data<T>(v.dbias), p.h, p.y, p.dz, Cell::biased ? p.values : nullptr, sequences, p.steps,
                                p.units, all, p.units + (Cell::biased ? 1 : 0), 0, nullptr},
                               stream);
    });
}

template <class Cell> void run(const char* name, const Operands& o, Stream stream) {
    static constexpr Candidate<Operands> candidates[] = {{"steps", Tier::simple, nullptr, launch_steps<Cell>}};
    if (named<Cell>(o).dkernel->size() > 0) dispatch(name, candidates, o, stream);
}

template <class Cell> bool fits(const TensorView* outs, const TensorView* ins, const Scalar*) {
    const Named v = named<Cell>({outs, ins, true});
    if (v.y->ndim != 3 || v.y->shape[1] < 1) return false;
    const int64_t n = v.y->shape[0], t = v.y->shape[1], u = v.y->shape[2], all = Cell::gates * u;
    bool fit = is_shape(*v.gy, n, t, u) && is_shape(*v.dz, n, t, all) && is_shape(*v.h, n, u) && is_shape(*v.dh, n, u);
    for (const TensorView* x : {v.kernel, v.dkernel}) fit = fit && is_shape(*x, u, all);
    for (const TensorView* x : {v.gc, v.extra}) fit = fit && (!x || is_shape(*x, n, t, u));
    for (const TensorView* x : {v.c, v.dc}) fit = fit && (!x || is_shape(*x, n, u));
    if (v.values) fit = fit && is_shape(*v.values, n, t, all);
    if (v.dbias) fit = fit && v.dbias->size() == all;
    return fit && sequences_at_once(2 * all + u, itemsize(v.dz->dtype) == 8 ? 8 : 4) > 0;
}

}  // namespace

// ins: g, the weights, the first state, y.
GPUDL_KERNEL_WHEN(simple_rnn_grad, "fff <- ffff | ddd <- dddd | eee <- eeee | EEE <- EEEE", fits<SimpleRnn>) {
    run<SimpleRnn>("simple_rnn_grad", {outs, ins, false}, stream);
}

// ins: g of y, g of the cells, the weights, the first states, y, the cells, the gates. attrs: whether the second is there.
GPUDL_KERNEL_WHEN(lstm_grad, "ffff <- ffffffff ; i | dddd <- dddddddd ; i | eeee <- eeeeeeee ; i | EEEE <- EEEEEEEE ; i", fits<Lstm>) {
    run<Lstm>("lstm_grad", {outs, ins, attrs[0].integer != 0}, stream);
}

// ins: g, the weights, the bias, the first state, y, the inner products, the gates.
GPUDL_KERNEL_WHEN(gru_grad, "ffff <- fffffff | dddd <- ddddddd | eeee <- eeeeeee | EEEE <- EEEEEEE", fits<Gru>) {
    run<Gru>("gru_grad", {outs, ins, false}, stream);
}

}  // namespace gpudl
