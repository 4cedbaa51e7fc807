// What the files that launch gemm_sm90.cuh share: shapes of tiles, the schedule, maps, grids, and the sums of parts of k.
#pragma once
#include <gpudl/tensor_map.h>

#include "gemm_sm90.cuh"
#include "gemm_sm90.h"
#include "loader_gemm_sm90.cuh"
#include "tile.cuh"

namespace gpudl::sm90 {

//                     rows columns slots pingpong cluster
using Coop256 = Config<128, 256, 4, false, 1>;
using Pair256 = Config<128, 256, 4, false, 2>;
using Ping128 = Config<128, 128, 6, true, 1>;
using Coop64 = Config<128, 64, 8, false, 1>;

constexpr int counted_multiprocessors = 132;  // by choices: see gemm_sm90.h

template <class T> struct Operand;  // of wgmma, and of maps
template <> struct Operand<bfloat16> {
    using Type = __nv_bfloat16;
    static constexpr MapType map = MapType::bf16;
};
template <> struct Operand<float16> {
    using Type = __half;
    static constexpr MapType map = MapType::f16;
};
template <class Out> constexpr MapType map_type = MapType::f32;
template <> inline constexpr MapType map_type<bfloat16> = MapType::bf16;
template <> inline constexpr MapType map_type<float16> = MapType::f16;

inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }

// Without empty parts of k.
template <class Cfg> Schedule schedule_of(int64_t m, int64_t n, int64_t k_slots, int64_t batches, int64_t splits) {
    Schedule s = {};
    s.down = int(ceil_div(m, int64_t(Cfg::rows) * Cfg::cluster)), s.across = int(ceil_div(n, Cfg::columns));
    s.batches = int(batches), s.k_slots = int(k_slots);
    s.slots_per_split = int(ceil_div(k_slots, splits)), s.splits = int(ceil_div(k_slots, s.slots_per_split));
    s.items = int(s.down * s.across * int64_t(s.batches) * s.splits);
    int64_t best = 0;
    s.group = 1;  // rows and columns of operands that one wave of tiles touches, for each height of a group
    for (int g : {1, 2, 4, 8, 16}) {
        const int64_t high = std::min(g, s.down);
        const int64_t cost = high * Cfg::rows * Cfg::cluster + ceil_div(counted_multiprocessors / Cfg::cluster, high) * Cfg::columns;
        if (g == 1 || cost < best) best = cost, s.group = g;
    }
    return s;
}

// An array of three dimensions: sizes, elements from a row to the next and from a matrix to the next (any where there is one), the box.
inline TensorMapSpec matrices(const void* base, MapType type, const int64_t (&sizes)[3], int64_t row, int64_t matrix, int box0, int box1) {
    TensorMapSpec s;
    const int64_t item = map_item_bytes(type);
    const auto legal = [](int64_t bytes, int64_t otherwise) { return uint64_t(bytes > 0 ? bytes : (otherwise + 15) / 16 * 16); };
    s.base = uint64_t(reinterpret_cast<uintptr_t>(base));
    s.type = type;
    s.rank = 3;
    for (int i = 0; i < 3; i++) s.dims[i] = uint64_t(sizes[i]);
    s.strides[0] = uint64_t(item);
    s.strides[1] = legal(sizes[1] > 1 ? row * item : 0, sizes[0] * item);
    s.strides[2] = legal(sizes[2] > 1 ? matrix * item : 0, int64_t(s.strides[1]) * sizes[1]);
    s.box[0] = uint32_t(box0), s.box[1] = uint32_t(box1);
    return s;
}

template <class Cfg, class T, class Out, class Loader> void launch_gemm(const Work<Loader>& work, Stream stream) {
    constexpr auto kernel = gemm_sm90_kernel<Cfg, typename Operand<T>::Type, Out, Loader>;
    Launch how = {dim3(1), dim3(threads), size_t(Cfg::shared_bytes), stream, Cfg::cluster, true};
    const int resident = resident_blocks<kernel>(how, trial ? trial->device : current_device());
    how.grid = dim3(unsigned(std::max(Cfg::cluster, std::min(resident, work.schedule.items * Cfg::cluster))));
    launch<kernel>(how, work);
}

// The map of y, or of one part after another in scratch memory: {n, m, batch, then part}.
template <class Out> TensorMap map_of_y(const void* y, const Schedule& s, int64_t m, int64_t n) {
    return tensor_map(matrices(y, map_type<Out>, {n, m, int64_t(s.batches) * s.splits}, n, m * n, 128 / int(sizeof(Out)), 64));
}

// Adds parts of k that lie in scratch memory, and finishes. `p` says how large y is and where.
template <class T> void add_parts(const MatmulProblem& p, int64_t parts, Stream stream) {
    using F = Finish<T, float>;
    const int64_t packets = ceil_div(p.n, F::width) * p.m * p.batches.size;
    launch<add_parts_kernel<F>>({dim3(unsigned(std::min<int64_t>(ceil_div(packets, 256), 65536))), 256, 0, stream},
                                finish_of<T, float>(p.epilogue), static_cast<const float*>(scratch().data), parts, p.batches.size, p.m,
                                p.n);
    sum_columns_of_y<T, float>(p, stream);
}

// Sums of columns: those of each 16 rows go to scratch memory, if they fit, and are added afterwards.
struct Sums {
    int64_t lines = 0;  // 0: none, or sum y itself
};
inline Sums begin_sums(Ending& end, const MatmulProblem& p) {
    const int64_t lines = ceil_div(p.m, 16) * p.batches.size;
    if (!p.epilogue.sums || end.mode != Ending::gradient || lines * p.n * int64_t(sizeof(float)) > scratch().bytes) return {};
    end.sums = static_cast<float*>(scratch().data);
    return {lines};
}
template <class T> void end_sums(Sums sums, const MatmulProblem& p, Stream stream) {
    if (sums.lines) sum_partial_rows<T, float>(p.epilogue.sums, static_cast<const float*>(scratch().data), sums.lines, p.n, stream);
    else sum_columns_of_y<T, float>(p, stream);
}

// One product with tiles of one shape, defined in gemm_sm90_<shape>.cu.
template <class Cfg, class T, class Out, bool ta, bool tb> void run_gemm(const MatmulProblem& p, int splits, Stream stream) {
    using Loader = MatrixLoader<Cfg, ta, tb>;
    Work<Loader> work = {};
    const int64_t batches = p.batches.size;
    work.schedule = schedule_of<Cfg>(p.m, p.n, ceil_div(p.k, slot_k), batches, splits);
    const auto map = [&](int operand, bool turned, int64_t outer, int box, int& batched) {
        const MatmulOperand& x = operand == 0 ? p.a : p.b;
        const int64_t step = p.batches.stride[operand][0];
        batched = batches > 1 && step != 0;
        const int64_t matrices_n = batched ? batches : 1;
        if (turned) return tensor_map(matrices(x.data, Operand<T>::map, {outer, p.k, matrices_n}, x.k, step, 64, 64));
        return tensor_map(matrices(x.data, Operand<T>::map, {p.k, outer, matrices_n}, x.outer, step, 64, box));
    };
    work.a = map(0, ta, p.m, Cfg::rows, work.load.a_batches);
    work.b = map(1, tb, p.n, Cfg::columns / Cfg::cluster, work.load.b_batches);
    constexpr bool parts = sizeof(Out) == 4;
    work.y = work.old = map_of_y<Out>(parts && !trial ? scratch().data : p.epilogue.y, work.schedule, p.m, p.n);
    if constexpr (parts) {
        launch_gemm<Cfg, T, Out>(work, stream);
        add_parts<T>(p, work.schedule.splits, stream);
    } else {
        work.ending = ending_of(p.epilogue, p.m, p.n);
        const void* old = p.epilogue.saved ? p.epilogue.saved : p.epilogue.residual;
        if (work.ending.mode == Ending::gradient || work.ending.mode == Ending::residual)
            work.old = map_of_y<Out>(old, work.schedule, p.m, p.n);
        const Sums sums = begin_sums(work.ending, p);
        launch_gemm<Cfg, T, Out>(work, stream);
        end_sums<T>(sums, p, stream);
    }
}

void run_coop256(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream);
void run_pair256(const MatmulProblem& p, bool ta, bool tb, Stream stream);
void run_ping128(const MatmulProblem& p, bool ta, bool tb, int splits, Stream stream);
void run_coop64(const MatmulProblem& p, bool ta, bool tb, Stream stream);

}  // namespace gpudl::sm90
