// Convolves images on Hopper by gemm_sm90.cuh: describes windows, kernels and results to the copy engine, and chooses as products do.
#include "conv_sm90.h"
#include "launch_sm90.cuh"
#include "loader_conv_sm90.cuh"

namespace gpudl {
namespace sm90 {
namespace {

using namespace convolution;

// One axis of windows as the copy engine takes them: steps forwards, so the taps of a gradient come in the opposite order.
struct Axis {
    int start, stride, step, count, size, taps;
    int first_tap, next_tap;  // of the kernel
    explicit Axis(const PhaseAxis& a)
        : start(a.start),
          stride(a.stride),
          step(a.step),
          count(a.count),
          size(a.size),
          taps(a.taps),
          first_tap(a.tap),
          next_tap(a.tap_every) {
        if (step >= 0) return;
        start += (taps - 1) * step, first_tap += (taps - 1) * next_tap;
        step = -step, next_tap = -next_tap;
    }
    int upper() const { return start + (count - 1) * stride + 1 - size; }
    bool fits() const {
        return start >= -128 && start <= 127 && upper() >= -128 && upper() <= 127 && stride <= 8 && int64_t(taps - 1) * step <= 255;
    }
};

TensorMap map_of_windows(const ConvProblem& p, const Phase& phase, MapType type, int pixels) {
    const Axis h(phase.h), w(phase.w);
    const bool back = p.what == Conv::grad_input;
    const int64_t channels = back ? p.slide.k : p.slide.c;
    TensorMapSpec s;
    s.base = uint64_t(reinterpret_cast<uintptr_t>(back ? p.output : p.image));
    s.type = type;
    s.rank = 4;
    s.im2col = 1;
    s.dims[0] = uint64_t(channels), s.dims[1] = uint64_t(w.size), s.dims[2] = uint64_t(h.size), s.dims[3] = uint64_t(p.slide.n);
    s.strides[0] = 2;
    for (int i = 1; i < 4; i++) s.strides[i] = s.strides[i - 1] * s.dims[i - 1];
    s.lower[0] = w.start, s.lower[1] = h.start;
    s.upper[0] = w.upper(), s.upper[1] = h.upper();
    s.step[1] = uint32_t(w.stride), s.step[2] = uint32_t(h.stride);
    s.channels = 64;
    s.pixels = uint32_t(pixels);
    return tensor_map(s);
}

WindowParameters parameters(const ConvProblem& p, const Phase& phase) {
    const Axis h(phase.h), w(phase.w);
    WindowParameters v = {};
    v.c_slots = int(ceil_div(p.what == Conv::grad_input ? p.slide.k : p.slide.c, 64));
    v.taps = int(phase.taps()), v.taps_w = w.taps;
    v.columns = w.count, v.pixels = h.count * w.count;
    v.start_w = w.start, v.start_h = h.start;
    v.stride_w = w.stride, v.stride_h = h.stride;
    v.step_w = w.step, v.step_h = h.step;
    v.tap = h.first_tap * p.slide.s + w.first_tap, v.tap_row = h.next_tap * p.slide.s, v.tap_step = w.next_tap;
    v.rows = phase_rows_of(p.slide, phase);
    v.y = p.image;
    return v;
}

// Rows of a phase that no tap reaches.
template <class T> __global__ void __launch_bounds__(256) zero_rows_kernel(T* y, PhaseRows rows, int64_t count, int64_t packets) {
    constexpr int width = 16 / int(sizeof(T));
    for (int64_t i = int64_t(blockIdx.x) * 256 + threadIdx.x; i < count * packets; i += int64_t(gridDim.x) * 256) {
        const int64_t row = i / packets;
        store(reinterpret_cast<Packet<T, width>*>(y + rows(row) + (i - row * packets) * width), Packet<T, width>{});
    }
}

template <class Cfg, class T, bool back, bool scattered>
void run_windows(const ConvProblem& p, const MatmulProblem& m, const Phase& phase, Stream stream) {
    using Loader = WindowLoader<Cfg, back, scattered>;
    Work<Loader> work = {};
    work.load = parameters(p, phase);
    work.schedule = schedule_of<Cfg>(m.m, m.n, int64_t(work.load.taps) * work.load.c_slots, 1, 1);
    work.a = map_of_windows(p, phase, Operand<T>::map, Cfg::rows);
    const int64_t c = p.slide.c, k = p.slide.k;
    work.b =
        tensor_map(matrices(p.kernel, Operand<T>::map, {k, c, int64_t(p.slide.r) * p.slide.s}, k, c * k, 64, back ? Cfg::columns : 64));
    work.ending = ending_of(m.epilogue, m.m, m.n);
    Sums sums;
    if constexpr (!scattered) {
        work.y = work.old = map_of_y<T>(m.epilogue.y, work.schedule, m.m, m.n);
        const void* old = m.epilogue.saved ? m.epilogue.saved : m.epilogue.residual;
        if (work.ending.mode == Ending::gradient || work.ending.mode == Ending::residual)
            work.old = map_of_y<T>(old, work.schedule, m.m, m.n);
        sums = begin_sums(work.ending, m);
    }
    launch_gemm<Cfg, T, T>(work, stream);
    if (m.epilogue.sums) end_sums<T>(sums, m, stream);
}

template <class T, bool back>
void windows_by(const ConvProblem& p, Shape shape, const MatmulProblem& m, const Phase& phase, Stream stream) {
    if constexpr (back) {
        if (phases(p) > 1 && phase.taps() == 0) {
            const int64_t packets = m.n / 8, blocks = std::min<int64_t>(ceil_div(m.m * packets, 256), 65536);
            launch<zero_rows_kernel<T>>({dim3(unsigned(blocks)), 256, 0, stream}, static_cast<T*>(p.image), phase_rows_of(p.slide, phase),
                                        m.m, packets);
            return;
        }
        if (phases(p) > 1) return run_windows<Ping128, T, true, true>(p, m, phase, stream);
    }
    if constexpr (std::is_same_v<T, bfloat16>) {
        if (shape == Shape::coop256 || shape == Shape::pair256) return run_windows<Coop256, T, back, false>(p, m, phase, stream);
        if (shape == Shape::coop64) return run_windows<Coop64, T, back, false>(p, m, phase, stream);
    }
    run_windows<Ping128, T, back, false>(p, m, phase, stream);
}

template <class Cfg, class T>
void run_kernel_gradient(const ConvProblem& p, const MatmulProblem& m, const Phase& phase, int splits, Stream stream) {
    using Loader = KernelGradientLoader<Cfg>;
    Work<Loader> work = {};
    work.load = parameters(p, phase);
    const int64_t c = p.slide.c, k = p.slide.k, taps = phase.taps();
    work.schedule = schedule_of<Cfg>(taps * work.load.c_slots * 64, k, ceil_div(m.k, slot_k), 1, splits);
    work.a = map_of_windows(p, phase, Operand<T>::map, 64);
    work.b = tensor_map(matrices(p.output, Operand<T>::map, {k, m.k, 1}, k, 0, 64, 64));
    TensorMapSpec y = matrices(trial ? p.kernel : scratch().data, MapType::f32, {k, c, taps}, k, c * k, 32, 64);
    y.rank = 4;
    y.dims[3] = uint64_t(work.schedule.splits);
    y.strides[2] = uint64_t(c * k) * 4;
    y.strides[3] = uint64_t(taps * c * k) * 4;
    work.y = work.old = tensor_map(y);
    launch_gemm<Cfg, T, float>(work, stream);
    add_parts<T>(m, work.schedule.splits, stream);
}

template <class T> void run_as(const ConvProblem& p, const Plan& plan, Stream stream) {
    each_phase(p, stream, [&](const MatmulProblem& m, const Phase& phase) {
        if (p.what == Conv::forward) return windows_by<T, false>(p, plan.shape, m, phase, stream);
        if (p.what == Conv::grad_input) return windows_by<T, true>(p, plan.shape, m, phase, stream);
        if constexpr (std::is_same_v<T, bfloat16>) {
            if (plan.shape == Shape::coop256) return run_kernel_gradient<Coop256, T>(p, m, phase, plan.splits, stream);
        }
        run_kernel_gradient<Ping128, T>(p, m, phase, plan.splits, stream);
    });
}

int64_t partial_bytes(const ConvProblem& p) { return p.kernels() * int64_t(sizeof(float)); }

}  // namespace

void run_conv(const ConvProblem& p, const Plan& plan, Stream stream) {
    if (p.dtype == 'e') return run_as<float16>(p, plan, stream);
    run_as<bfloat16>(p, plan, stream);
}

}  // namespace sm90

const char* conv_sm90_obstacle(const ConvProblem& p, const Device& device) {
    using namespace convolution;
    constexpr int64_t most = int64_t(1) << 30;
    const Slide& a = p.slide;
    if (device.sm != 90) return "not a GPU of Hopper";
    if (p.dtype != 'e' && p.dtype != 'E') return "no operands of 16 bits";
    if (a.groups != 1) return "groups";
    if (!conv_packets(p)) return "the channels do not fill whole packets of 16 bytes";
    if (p.sums_nothing()) return "nothing to add";
    if (a.n * a.h * a.w >= most || a.n * a.p * a.q >= most || p.kernels() >= most) return "too large for coordinates of 32 bits";
    const int count = phases(p);
    if (count > most_phases) return "the strides make too many phases";
    for (int i = 0; i < count; i++) {
        const Phase phase = p.what == Conv::grad_input ? phase_of(a, i) : whole(a);
        if (phase.pixels(a) == 0 || (count > 1 && phase.taps() == 0)) continue;
        if (phase.taps() == 0 || !sm90::Axis(phase.h).fits() || !sm90::Axis(phase.w).fits()) return "the windows are too wide";
    }
    if (count > 1 && !p.epilogue.plain()) return "phases that are finished";
    if (p.what == Conv::grad_kernel) return sm90::partial_bytes(p) > scratch().bytes ? "the sums do not fit into scratch memory" : nullptr;
    return sm90::ending_obstacle(p.epilogue, false);
}

void launch_conv_sm90(const ConvProblem& p, Stream stream) {
    using namespace convolution;
    const MatmulProblem m = product_of(p, p.what == Conv::grad_input ? phase_of(p.slide, 0) : whole(p.slide));
    const bool kernel = p.what == Conv::grad_kernel;
    const int64_t parts = kernel ? std::max<int64_t>(1, scratch().bytes / sm90::partial_bytes(p)) : 1;
    sm90::run_conv(p, sm90::plan_gemm(m.m, m.n, std::max<int64_t>(1, m.k), 1, kernel, p.what != Conv::grad_input, p.dtype == 'E', parts),
                   stream);
}

}  // namespace gpudl
