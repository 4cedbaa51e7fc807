// Gathers over steps, in place: sums of gradients (accumulate_, mean_gradient_), averages of parameters (average_), copies that depend on a
// number on the device (overwrite_, undo_), the scale of the loss (all_finite, loss_scale_), Nadam's product of momenta.
//
// Sums and averages: threads and elements as elementwise.cuh says.
// copies      words: a thread takes `together` words of 16 bytes, a block's width apart; simple: one element. Nothing is read if nothing is due.
// all_finite  a block looks at its share of every array, by 16 bytes (words) or by elements (simple), and leaves its finding in scratch
//             memory; one block puts these together.
// bytes moved per element: 3 item sizes for sums and averages, 2 for copies that are due, 1 for all_finite. expected bound: memory bandwidth.
#include <gpudl/arithmetic.h>
#include <gpudl/averaging.h>

#include "copy.cuh"
#include "families.cuh"

namespace gpudl {
namespace {

using namespace averaging;
using elementwise::blocks_for;
using elementwise::map_floats;

constexpr int threads = 256, together = 4;

inline bool misaligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 != 0; }

struct CopyIf {
    char* y;
    const char* x;
    int64_t size;  // elements
    int item;
    Due due;
};

template <class Word> __global__ void __launch_bounds__(threads) copy_if_simple_kernel(const CopyIf p) {
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < p.size && p.due()) reinterpret_cast<Word*>(p.y)[i] = reinterpret_cast<const Word*>(p.x)[i];
}

__global__ void __launch_bounds__(threads) copy_if_words_kernel(const CopyIf p) {
    if (!p.due()) return;
    const int64_t bytes = p.size * p.item, words = bytes / 16, base = int64_t(blockIdx.x) * (threads * together) + threadIdx.x;
    uint4 held[together];
#pragma unroll
    for (int u = 0; u < together; u++) {
        const int64_t i = base + u * threads;
        if (i < words) held[u] = load(reinterpret_cast<const uint4*>(p.x) + i);
    }
#pragma unroll
    for (int u = 0; u < together; u++) {
        const int64_t i = base + u * threads;
        if (i < words) store(reinterpret_cast<uint4*>(p.y) + i, held[u]);
    }
    const int64_t last = words * 16 / p.item + threadIdx.x;  // an element behind the words
    if (blockIdx.x == 0 && last < p.size) {
        for (int64_t k = last * p.item; k < (last + 1) * p.item; k++) p.y[k] = p.x[k];
    }
}

const char* no_words(const CopyIf& p, const Device&) {
    return misaligned(p.x) || misaligned(p.y) ? "an array is not aligned to 16 bytes" : nullptr;
}

void launch_words(const CopyIf& p, Stream stream) {
    launch<copy_if_words_kernel>({blocks_for(p.size * p.item, threads * together * 16), threads, 0, stream}, p);
}

void launch_simple(const CopyIf& p, Stream stream) {
    const Launch how{blocks_for(p.size, threads), threads, 0, stream};
    switch (p.item) {
        case 1: return launch<copy_if_simple_kernel<uint8_t>>(how, p);
        case 2: return launch<copy_if_simple_kernel<uint16_t>>(how, p);
        case 4: return launch<copy_if_simple_kernel<uint32_t>>(how, p);
        default: return launch<copy_if_simple_kernel<uint64_t>>(how, p);
    }
}

void copy_if(const char* name, const TensorView& y, const TensorView& x, const Due& due, Stream stream) {
    static constexpr Candidate<CopyIf> candidates[] = {{"words", Tier::simt, no_words, launch_words},
                                                       {"simple", Tier::simple, nullptr, launch_simple}};
    const CopyIf p{y.as<char>(), x.as<const char>(), y.size(), int(itemsize(y.dtype)), due};
    if (p.size > 0) dispatch(name, candidates, p, stream);
}

struct Arrays {
    const char* data[max_operands];
    int64_t size[max_operands];
    char dtype[max_operands];
    NotFinite wrong[max_operands];
    int count;
    int64_t longest;  // bytes
    uint8_t* y;
};

// All threads of the block must come.
__device__ __forceinline__ void report(const Arrays& p, bool found, unsigned* findings) {
    const int any = __syncthreads_or(found);
    if (threadIdx.x != 0) return;
    if (gridDim.x == 1) *p.y = uint8_t(any == 0);
    else findings[blockIdx.x] = any != 0;
}

__global__ void __launch_bounds__(threads) all_finite_words_kernel(const __grid_constant__ Arrays p, unsigned* findings) {
    const int64_t first = int64_t(blockIdx.x) * threads + threadIdx.x, step = int64_t(gridDim.x) * threads;
    bool found = false;
    for (int k = 0; k < p.count; k++) {
        const NotFinite wrong = p.wrong[k];
        const int64_t item = itemsize(p.dtype[k]), words = p.size[k] * item / 16;
        const uint4* x = reinterpret_cast<const uint4*>(p.data[k]);
        int64_t i = first;
        for (; i + 3 * step < words; i += 4 * step) {
            uint4 held[4];
#pragma unroll
            for (int u = 0; u < 4; u++) held[u] = load_streaming(x + i + u * step);
#pragma unroll
            for (int u = 0; u < 4; u++) found |= wrong.pair(held[u].x, held[u].y) || wrong.pair(held[u].z, held[u].w);
        }
        for (; i < words; i += step) {
            const uint4 held = load_streaming(x + i);
            found |= wrong.pair(held.x, held.y) || wrong.pair(held.z, held.w);
        }
        const int64_t last = words * 16 / item + first;  // the elements behind the words
        if (last < p.size[k]) found |= NotFinite::one(p.data[k] + last * item, p.dtype[k]);
    }
    report(p, found, findings);
}

__global__ void __launch_bounds__(threads) all_finite_simple_kernel(const __grid_constant__ Arrays p, unsigned* findings) {
    bool found = false;
    for (int k = 0; k < p.count; k++) {
        const int64_t item = itemsize(p.dtype[k]);
        for (int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x; i < p.size[k]; i += int64_t(gridDim.x) * threads)
            found |= NotFinite::one(p.data[k] + i * item, p.dtype[k]);
    }
    report(p, found, findings);
}

__global__ void __launch_bounds__(threads) join_findings_simple_kernel(uint8_t* y, const unsigned* findings, int count) {
    bool found = false;
    for (int i = int(threadIdx.x); i < count; i += threads) found |= findings[i] != 0;
    const int any = __syncthreads_or(found);
    if (threadIdx.x == 0) *y = uint8_t(any == 0);
}

constexpr int64_t most_findings = 2048;

template <auto kernel> void launch_all_finite(const Arrays& p, Stream stream) {
    const int64_t wanted = (p.longest + threads * 64 - 1) / (threads * 64);
    const unsigned blocks = unsigned(wanted < 1 ? 1 : wanted > most_findings ? most_findings : wanted);
    auto* findings = static_cast<unsigned*>(scratch().data);
    launch<kernel>({blocks, threads, 0, stream}, p, findings);
    if (blocks > 1) launch<join_findings_simple_kernel>({1, threads, 0, stream}, p.y, findings, int(blocks));
}

const char* no_words_of_all(const Arrays& p, const Device&) {
    for (int k = 0; k < p.count; k++) {
        if (misaligned(p.data[k])) return "an array is not aligned to 16 bytes";
    }
    return nullptr;
}

// `count` arrays of floats, of which each may have its own dtype.
void all_finite(const TensorView& y, const TensorView* ins, int count, Stream stream) {
    static constexpr Candidate<Arrays> candidates[] = {
        {"words", Tier::simt, no_words_of_all, launch_all_finite<all_finite_words_kernel>},
        {"simple", Tier::simple, nullptr, launch_all_finite<all_finite_simple_kernel>},
    };
    Arrays p = {};
    p.y = y.as<uint8_t>();
    for (int k = 0; k < count; k++) {
        const int64_t bytes = ins[k].size() * itemsize(ins[k].dtype);
        if (bytes == 0) continue;
        p.data[p.count] = ins[k].as<const char>();
        p.size[p.count] = ins[k].size();
        p.dtype[p.count] = ins[k].dtype;
        p.wrong[p.count] = NotFinite::of(ins[k].dtype);
        p.longest = bytes > p.longest ? bytes : p.longest;
        p.count++;
    }
    dispatch("all_finite", candidates, p, stream);
}

template <class C>
__global__ void loss_scale_simple_kernel(char* scale, char dtype, char* count, char count_dtype, const uint8_t* finite, LossScale rule) {
    if (threadIdx.x != 0) return;
    using S = std::conditional_t<std::is_same<C, double>::value, erased::Double, erased::Single>;
    C value = S::load(scale, dtype);
    int64_t steps = erased::Integer::load(count, count_dtype);
    rule(value, steps, *finite != 0);
    S::store(scale, dtype, value);
    erased::Integer::store(count, count_dtype, steps);
}

__global__ void nadam_product_simple_kernel(double* product, Counter steps, double beta) {
    if (threadIdx.x == 0) *product *= optimizers::nadam_momentum(beta, double(steps.get()) + 1.0);
}

bool is_counter(const TensorView& x) { return (x.dtype == 'l' || x.dtype == 'i') && x.size() == 1; }

bool same(const TensorView* outs, const TensorView* ins, const Scalar*) { return same_shape(outs[0], ins[0]); }
bool same_two(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && same_shape(outs[1], ins[0]);
}
bool same_with_counter(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && is_counter(ins[1]);
}
bool same_every(const TensorView* outs, const TensorView* ins, const Scalar* attrs) {
    return same_with_counter(outs, ins, attrs) && attrs[0].integer > 0;
}
bool same_with_flag(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return same_shape(outs[0], ins[0]) && ins[1].size() == 1;
}
bool one_scale(const TensorView* outs, const TensorView* ins, const Scalar*) {
    return elementwise::is_float(outs[0].dtype) && outs[0].size() == 1 && is_counter(outs[1]) && ins[0].size() == 1;
}
bool one_product(const TensorView* outs, const TensorView* ins, const Scalar*) { return outs[0].size() == 1 && is_counter(ins[0]); }

Counter counter(const TensorView& x) { return {x.as<const char>(), x.dtype}; }

}  // namespace

GPUDL_KERNEL_WHEN(accumulate_, "f <- f | d <- d | e <- e | E <- E", same) {
    map_floats("accumulate_", outs[0], outs[0], ins[0], Add{}, stream);
}

GPUDL_KERNEL_WHEN(mean_gradient_, "ff <- f ; r | dd <- d ; r | ee <- e ; r | EE <- E ; r", same_two) {
    map_floats("mean_gradient_", outs[0], outs[1], ins[0], MeanGradient{attrs[0].real}, stream);
    fill_view("mean_gradient_", outs[1], 0, stream);
}

GPUDL_KERNEL_WHEN(average_, "f <- f . ; r | d <- d . ; r | e <- e . ; r | E <- E . ; r", same_with_counter) {
    map_floats("average_", outs[0], outs[0], ins[0], Average{counter(ins[1]), attrs[0].real}, stream);
}

GPUDL_KERNEL_WHEN(overwrite_, "* <- * . ; i", same_every) {
    copy_if("overwrite_", outs[0], ins[0], {counter(ins[1]), attrs[0].integer}, stream);
}

GPUDL_KERNEL_WHEN(undo_, "* <- * ?", same_with_flag) { copy_if("undo_", outs[0], ins[0], {counter(ins[1]), 0}, stream); }

// attrs: how many arrays.
GPUDL_KERNEL(all_finite,
             "? <- . ; i | ? <- .. ; i | ? <- ... ; i | ? <- .... ; i | ? <- ..... ; i | ? <- ...... ; i | ? <- ....... ; i | "
             "? <- ........ ; i") {
    all_finite(outs[0], ins, int(attrs[0].integer), stream);
}

GPUDL_KERNEL_WHEN(loss_scale_, ".. <- ? ; i", one_scale) {
    const auto arguments = [&](auto run) {
        run(outs[0].as<char>(), outs[0].dtype, outs[1].as<char>(), outs[1].dtype, ins[0].as<const uint8_t>(), LossScale{attrs[0].integer});
    };
    const Launch how{1, 32, 0, stream};
    if (outs[0].dtype == 'd') arguments([&](auto... a) { launch<loss_scale_simple_kernel<double>>(how, a...); });
    else arguments([&](auto... a) { launch<loss_scale_simple_kernel<float>>(how, a...); });
}

GPUDL_KERNEL_WHEN(nadam_product_, "d <- . ; r", one_product) {
    launch<nadam_product_simple_kernel>({1, 32, 0, stream}, outs[0].as<double>(), counter(ins[0]), attrs[0].real);
}

}  // namespace gpudl
