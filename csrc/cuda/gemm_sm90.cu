// Chooses a shape of tiles and a number of parts of k for products of matrices on Hopper, by a model of what one multiprocessor does.
//
// A slot of 64 along k costs the largest of its products (4096 flops a clock), its operands from L2 (60 bytes a clock) and its traffic in
// shared memory (128 bytes a clock: products read A and B once for each 64 rows, the copy engine writes both once). A tile adds its
// epilogue, unless another consumer hides it. The constants are guesses until a GPU has said otherwise.
#include "launch_sm90.cuh"

namespace gpudl {
namespace sm90 {
namespace {

struct Facts {
    int rows, columns, cluster;
    bool pingpong;
};
template <class Cfg> constexpr Facts facts() { return {Cfg::rows, Cfg::columns, Cfg::cluster, Cfg::pingpong}; }
constexpr Facts shapes[] = {facts<Coop256>(), facts<Ping128>(), facts<Coop64>(), facts<Pair256>()};

bool exists(Shape shape, bool ta, bool tb, bool bfloat16, bool split) {
    if (split) return shape == Shape::ping128 || (shape == Shape::coop256 && ta && tb);
    return shape == Shape::ping128 || ((!ta || tb) && (shape != Shape::pair256 || bfloat16));
}

double microseconds(const Facts& f, int64_t m, int64_t n, int64_t k_slots, int64_t batches, int splits) {
    constexpr double gigahertz = 1.75, flops = 4096, feed = 60, shared = 128, fixed = 1500, second_kernel = 2500, memory = 30;
    const int64_t items = ceil_div(m, int64_t(f.rows) * f.cluster) * ceil_div(n, f.columns) * batches * splits;
    const int64_t waves = ceil_div(items, counted_multiprocessors / f.cluster);
    const double rows = f.rows, columns = f.columns;
    const double products = rows * columns * slot_k * 2 / flops, fed = (rows + columns / f.cluster) * 128 / feed;
    const double traffic = (rows / 64 * 4 * (2048 + columns * 32) + (rows + columns) * 128) / shared;
    const double epilogue = rows * columns / (f.pingpong ? 64 : 16);
    double clocks = double(waves) * (double(ceil_div(k_slots, splits)) * std::max({products, traffic, fed}) + epilogue) + fixed;
    if (splits > 1) clocks += second_kernel + double(m) * double(n) * double(batches) * splits * 4 / (counted_multiprocessors * memory);
    return clocks / gigahertz / 1e3;
}

}  // namespace

Plan plan_gemm(int64_t m, int64_t n, int64_t k, int64_t batches, bool ta, bool tb, bool bfloat16, int64_t most_splits) {
    Plan best = {Shape::ping128, 1, 1e300};
    const int64_t k_slots = ceil_div(k, slot_k);
    for (int i = 0; i < 4; i++) {
        const Facts& f = shapes[i];
        for (int splits : {1, 2, 3, 4, 6, 8, 12, 16, 24, 32}) {
            if (splits > 1 && (k_slots / splits < 8 || splits > most_splits)) break;
            if (!exists(Shape(i), ta, tb, bfloat16, splits > 1)) continue;
            const int64_t items = ceil_div(m, int64_t(f.rows) * f.cluster) * ceil_div(n, f.columns) * batches;
            if (f.cluster > 1 && items <= counted_multiprocessors / f.cluster) continue;  // one wave gains nothing from sharing
            const double time = microseconds(f, m, n, k_slots, batches, splits);
            if (time < best.microseconds) best = {Shape(i), splits, time};
        }
    }
    return best;
}

}  // namespace sm90

const char* matmul_sm90_obstacle(const MatmulProblem& p, const Device& device) {
    constexpr int64_t most = int64_t(1) << 30, widest = int64_t(1) << 38;
    if (device.sm != 90) return "not a GPU of Hopper";
    if (p.dtype != 'e' && p.dtype != 'E') return "no operands of 16 bits";
    if (p.k < 1) return "nothing to add";
    if (p.m > most || p.n > most || p.k > most || p.batches.size > 65535) return "too large for coordinates of 32 bits";
    if (p.batches.ndim > 1) return "the batches lie at more than one distance";
    if (p.n % 8 || reinterpret_cast<uintptr_t>(p.epilogue.y) % 16 || p.epilogue.row != p.n) return "rows of y are no multiples of 16 bytes";
    for (int i = 0; i < 2; i++) {
        const MatmulOperand& x = i == 0 ? p.a : p.b;
        const bool turned = !packets_along(true, p, i);
        if (turned && !packets_along(false, p, i)) return "an operand is not aligned to 16 bytes";
        const int64_t lines = turned ? p.k : i == 0 ? p.m : p.n, step = turned ? x.k : x.outer, batch = p.batches.stride[i][0];
        if (lines > 1 && step < 8) return "an operand repeats itself or runs backwards";
        if (step > widest || batch < 0 || batch > widest) return "an operand's batches run backwards, or too far";
    }
    constexpr int64_t tiles = int64_t(1) << 26;
    if (sm90::ceil_div(p.m, 128) * sm90::ceil_div(p.n, 64) * p.batches.size > tiles) return "too many tiles";
    return sm90::ending_obstacle(p.epilogue, p.batches.size > 1);
}

void launch_matmul_sm90(const MatmulProblem& p, Stream stream) {
    using namespace sm90;
    const bool ta = !packets_along(true, p, 0), tb = !packets_along(true, p, 1);
    const int64_t fits = scratch().bytes / (p.m * p.n * p.batches.size * int64_t(sizeof(float)));
    const Plan plan = plan_gemm(p.m, p.n, p.k, p.batches.size, ta, tb, p.dtype == 'E', std::max<int64_t>(1, fits));
    switch (plan.shape) {
        case Shape::coop256: return run_coop256(p, ta, tb, plan.splits, stream);
        case Shape::pair256: return run_pair256(p, ta, tb, stream);
        case Shape::ping128: return run_ping128(p, ta, tb, plan.splits, stream);
        case Shape::coop64: return run_coop64(p, ta, tb, stream);
    }
}

}  // namespace gpudl
