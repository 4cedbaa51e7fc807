// Moves parameters and slots along gradients, in place, over flat memory: one launch for each run of neighbours in an arena.
//
// packets   a thread takes `together` packets of 16 bytes of each array, a block's width apart; the elements behind the last packet go to one
//           thread each
// simple    one element a thread, any alignment
// A block first makes the numbers of this step (corrected learning rate and the like) from their buffers in float64, once, in shared memory.
// bytes moved per element: item size × (2 parameters + 2 for each slot + 1 gradient); expected bound: memory bandwidth.
// Compiled without contraction to fused multiply-adds, so the reference's bits come out.
#include <gpudl/optimizers.h>
#include <gpudl/platform.h>

namespace gpudl {
namespace {

using namespace optimizers;

constexpr int threads = 256, together = 2;

// The step's buffers as they lie on the device; null where a rule has none.
struct Sources {
    const double* rate;
    const int64_t* steps;
    const double* product;
    const float* factor;
    const double* factor64;  // or this
};

template <class T, int arrays> struct Operands {
    T* s[arrays];
    const T* g;  // null for a rule without gradients
    int64_t size;
};

// Called by all threads of a block.
template <class C, class Rule> __device__ __forceinline__ auto numbers_of_step(const Sources& from, const Rule& rule) {
    using Shared = decltype(rule.template now<C>(Buffers{}));
    GPUDL_SHARED_ARRAY(Shared, now, [1]);
    if (threadIdx.x == 0) {
        Buffers buffers;
        buffers.rate = *from.rate;
        buffers.steps = from.steps ? *from.steps : 0;
        buffers.product = from.product ? *from.product : 1.0;
        buffers.factor = from.factor ? double(*from.factor) : from.factor64 ? *from.factor64 : 1.0;
        const Shared made = rule.template now<C>(buffers);
        now[0] = made;
    }
    __syncthreads();
    return now[0];
}

template <class T, class Rule, class Now, int arrays>
__device__ __forceinline__ void step_one(const Operands<T, arrays>& at, int64_t i, const Now& now, const Rule& rule) {
    using C = decltype(wide(T{}));
    C s[arrays];
#pragma unroll
    for (int k = 0; k < arrays; k++) s[k] = wide(at.s[k][i]);
    rule.step(now, s, at.g ? wide(at.g[i]) : C(0));
#pragma unroll
    for (int k = 0; k < arrays; k++) at.s[k][i] = narrow<T>(s[k]);
}

template <class T, class Rule> __global__ void __launch_bounds__(threads)
    step_simple_kernel(const Operands<T, 1 + Rule::slots> at, const Sources from, const Rule rule) {
    const auto now = numbers_of_step<decltype(wide(T{}))>(from, rule);
    const int64_t i = int64_t(blockIdx.x) * threads + threadIdx.x;
    if (i < at.size) step_one(at, i, now, rule);
}

template <class T, class Rule> __global__ void __launch_bounds__(threads)
    step_packets_kernel(const Operands<T, 1 + Rule::slots> at, const Sources from, const Rule rule) {
    using C = decltype(wide(T{}));
    constexpr int arrays = 1 + Rule::slots, width = 16 / sizeof(T);
    using P = Packet<T, width>;
    const auto now = numbers_of_step<C>(from, rule);
    const int64_t packets = at.size / width, base = int64_t(blockIdx.x) * (threads * together) + threadIdx.x;
    P held[together][arrays + 1];
#pragma unroll
    for (int u = 0; u < together; u++) {
        const int64_t i = base + u * threads;
        if (i >= packets) continue;
#pragma unroll
        for (int k = 0; k < arrays; k++) held[u][k] = load(reinterpret_cast<const P*>(at.s[k]) + i);
        if (at.g) held[u][arrays] = load_streaming(reinterpret_cast<const P*>(at.g) + i);
    }
#pragma unroll
    for (int u = 0; u < together; u++) {
        const int64_t i = base + u * threads;
        if (i >= packets) continue;
#pragma unroll
        for (int lane = 0; lane < width; lane++) {
            C s[arrays];
#pragma unroll
            for (int k = 0; k < arrays; k++) s[k] = wide(held[u][k].item[lane]);
            rule.step(now, s, at.g ? wide(held[u][arrays].item[lane]) : C(0));
#pragma unroll
            for (int k = 0; k < arrays; k++) held[u][k].item[lane] = narrow<T>(s[k]);
        }
#pragma unroll
        for (int k = 0; k < arrays; k++) store(reinterpret_cast<P*>(at.s[k]) + i, held[u][k]);
    }
    const int64_t last = packets * width + threadIdx.x;
    if (blockIdx.x == 0 && last < at.size) step_one(at, last, now, rule);
}

template <class T, class Rule> struct Problem {
    Operands<T, 1 + Rule::slots> at;
    Sources from;
    Rule rule;
};

inline bool misaligned(const void* pointer) { return reinterpret_cast<uintptr_t>(pointer) % 16 != 0; }

template <class T, class Rule> struct Step {
    using P = Problem<T, Rule>;

    static const char* no_packets(const P& p, const Device&) {
        for (const T* s : p.at.s) {
            if (misaligned(s)) return "an array is not aligned to 16 bytes";
        }
        return misaligned(p.at.g) ? "the gradient is not aligned to 16 bytes" : nullptr;
    }
    static unsigned blocks(int64_t size, int64_t each) { return unsigned((size + each - 1) / each); }
    static void launch_packets(const P& p, Stream stream) {
        launch<step_packets_kernel<T, Rule>>({blocks(p.at.size, threads * together * (16 / sizeof(T))), threads, 0, stream}, p.at, p.from,
                                             p.rule);
    }
    static void launch_simple(const P& p, Stream stream) {
        launch<step_simple_kernel<T, Rule>>({blocks(p.at.size, threads), threads, 0, stream}, p.at, p.from, p.rule);
    }
    static void run(const char* name, const P& p, Stream stream) {
        static constexpr Candidate<P> candidates[] = {
            {"packets", Tier::simt, no_packets, launch_packets},
            {"simple", Tier::simple, nullptr, launch_simple},
        };
        if (p.at.size > 0) dispatch(name, candidates, p, stream);
    }
};

// outs: the parameter and the slots. ins: the gradient (if `with_gradient`), the rate, the steps done, the product of momenta; or of the
// last ones the `factor` for the gradient.
template <class Rule> void move(const char* name, const TensorView* outs, const TensorView* ins, Rule rule, Stream stream, int n_ins,
                                bool with_gradient = true, const TensorView* factor = nullptr) {
    for_float_dtype(outs[0].dtype, [&](auto zero) {
        using T = decltype(zero);
        Problem<T, Rule> p{{{}, with_gradient ? ins[0].as<T>() : nullptr, outs[0].size()}, {}, rule};
        for (int k = 0; k <= Rule::slots; k++) p.at.s[k] = outs[k].as<T>();
        const int first = with_gradient ? 1 : 0;
        p.from = {ins[first].as<double>(), n_ins > first + 1 ? ins[first + 1].as<int64_t>() : nullptr,
                  n_ins > first + 2 ? ins[first + 2].as<double>() : nullptr, factor && factor->dtype == 'f' ? factor->as<float>() : nullptr,
                  factor && factor->dtype == 'd' ? factor->as<double>() : nullptr};
        Step<T, Rule>::run(name, p, stream);
    });
}

// The last of `n_ins` is the factor; the last two attributes are the limit and the decay.
template <class Rule>
void move_fused(const char* name, const TensorView* outs, const TensorView* ins, Rule rule, const Scalar* last, Stream stream, int n_ins) {
    move(name, outs, ins, Fused<Rule>{rule, last[0].real, last[1].real}, stream, n_ins - 1, true, ins + n_ins - 1);
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

GPUDL_KERNEL_WHEN(sgd_, "f <- f d | d <- d d | e <- e d | E <- E d", (alike<0, 2>)) { move("sgd_", outs, ins, Sgd{}, stream, 2); }

GPUDL_KERNEL_WHEN(sgd_momentum_, "ff <- f d ; r i | dd <- d d ; r i | ee <- e d ; r i | EE <- E d ; r i", (alike<1, 2>)) {
    move("sgd_momentum_", outs, ins, SgdMomentum{attrs[0].real, attrs[1].integer != 0}, stream, 2);
}

GPUDL_KERNEL_WHEN(adam_, "fff <- f d l ; r r r | ddd <- d d l ; r r r | eee <- e d l ; r r r | EEE <- E d l ; r r r", (alike<2, 3>)) {
    move("adam_", outs, ins, Adam{attrs[0].real, attrs[1].real, attrs[2].real}, stream, 3);
}

GPUDL_KERNEL_WHEN(adam_amsgrad_, "ffff <- f d l ; r r r | dddd <- d d l ; r r r | eeee <- e d l ; r r r | EEEE <- E d l ; r r r",
                  (alike<3, 3>)) {
    move("adam_amsgrad_", outs, ins, AdamAmsgrad{{attrs[0].real, attrs[1].real, attrs[2].real}}, stream, 3);
}

GPUDL_KERNEL_WHEN(adadelta_, "fff <- f d ; r r | ddd <- d d ; r r | eee <- e d ; r r | EEE <- E d ; r r", (alike<2, 2>)) {
    move("adadelta_", outs, ins, Adadelta{attrs[0].real, attrs[1].real}, stream, 2);
}

GPUDL_KERNEL_WHEN(rmsprop_, "ff <- f d ; r r | dd <- d d ; r r | ee <- e d ; r r | EE <- E d ; r r", (alike<1, 2>)) {
    move("rmsprop_", outs, ins, rms<false, false>(attrs), stream, 2);
}

GPUDL_KERNEL_WHEN(rmsprop_momentum_, "fff <- f d ; r r r | ddd <- d d ; r r r | eee <- e d ; r r r | EEE <- E d ; r r r", (alike<2, 2>)) {
    move("rmsprop_momentum_", outs, ins, rms<true, false>(attrs), stream, 2);
}

GPUDL_KERNEL_WHEN(rmsprop_centered_, "fff <- f d ; r r | ddd <- d d ; r r | eee <- e d ; r r | EEE <- E d ; r r", (alike<2, 2>)) {
    move("rmsprop_centered_", outs, ins, rms<false, true>(attrs), stream, 2);
}

GPUDL_KERNEL_WHEN(rmsprop_centered_momentum_, "ffff <- f d ; r r r | dddd <- d d ; r r r | eeee <- e d ; r r r | EEEE <- E d ; r r r",
                  (alike<3, 2>)) {
    move("rmsprop_centered_momentum_", outs, ins, rms<true, true>(attrs), stream, 2);
}

GPUDL_KERNEL_WHEN(adagrad_, "ff <- f d ; r | dd <- d d ; r | ee <- e d ; r | EE <- E d ; r", (alike<1, 2>)) {
    move("adagrad_", outs, ins, Adagrad{attrs[0].real}, stream, 2);
}

GPUDL_KERNEL_WHEN(adamax_, "fff <- f d l ; r r r | ddd <- d d l ; r r r | eee <- e d l ; r r r | EEE <- E d l ; r r r", (alike<2, 3>)) {
    move("adamax_", outs, ins, Adamax{attrs[0].real, attrs[1].real, attrs[2].real}, stream, 3);
}

GPUDL_KERNEL_WHEN(nadam_, "fff <- f d l d ; r r r | ddd <- d d l d ; r r r | eee <- e d l d ; r r r | EEE <- E d l d ; r r r",
                  (alike<2, 4>)) {
    move("nadam_", outs, ins, Nadam{attrs[0].real, attrs[1].real, attrs[2].real}, stream, 4);
}

GPUDL_KERNEL_WHEN(lion_, "ff <- f d ; r r | dd <- d d ; r r | ee <- e d ; r r | EE <- E d ; r r", (alike<1, 2>)) {
    move("lion_", outs, ins, Lion{attrs[0].real, attrs[1].real}, stream, 2);
}

GPUDL_KERNEL_WHEN(ftrl_, "fff <- f d ; r r r r r | ddd <- d d ; r r r r r | eee <- e d ; r r r r r | EEE <- E d ; r r r r r",
                  (alike<2, 2>)) {
    move("ftrl_", outs, ins, Ftrl{attrs[0].real, attrs[1].real, attrs[2].real, attrs[3].real, attrs[4].real}, stream, 2);
}

GPUDL_KERNEL_WHEN(decay_, "f <- d ; r | d <- d ; r | e <- d ; r | E <- d ; r", one_rate) {
    move("decay_", outs, ins, Decay{attrs[0].real}, stream, 1, false);
}

// Decay, a factor and a limit first. attrs: those of the rule, the limit, the decay.
GPUDL_KERNEL_WHEN(sgd_fused_, "f <- f d f ; r r | d <- d d d ; r r | e <- e d f ; r r | E <- E d f ; r r", (alike<0, 3>)) {
    move_fused("sgd_fused_", outs, ins, Sgd{}, attrs, stream, 3);
}

GPUDL_KERNEL_WHEN(sgd_momentum_fused_, "ff <- f d f ; r i r r | dd <- d d d ; r i r r | ee <- e d f ; r i r r | EE <- E d f ; r i r r",
                  (alike<1, 3>)) {
    move_fused("sgd_momentum_fused_", outs, ins, (SgdMomentum{attrs[0].real, attrs[1].integer != 0}), attrs + 2, stream, 3);
}

GPUDL_KERNEL_WHEN(adam_fused_,
                  "fff <- f d l f ; r r r r r | ddd <- d d l d ; r r r r r | eee <- e d l f ; r r r r r | EEE <- E d l f ; r r r r r",
                  (alike<2, 4>)) {
    move_fused("adam_fused_", outs, ins, (Adam{attrs[0].real, attrs[1].real, attrs[2].real}), attrs + 3, stream, 4);
}

GPUDL_KERNEL_WHEN(adam_amsgrad_fused_,
                  "ffff <- f d l f ; r r r r r | dddd <- d d l d ; r r r r r | eeee <- e d l f ; r r r r r | EEEE <- E d l f ; r r r r r",
                  (alike<3, 4>)) {
    move_fused("adam_amsgrad_fused_", outs, ins, (AdamAmsgrad{{attrs[0].real, attrs[1].real, attrs[2].real}}), attrs + 3, stream, 4);
}

}  // namespace gpudl
